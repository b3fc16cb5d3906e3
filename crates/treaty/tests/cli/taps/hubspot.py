"""tap-hubspot, but asking a stand-in: its host is fixed in the code."""
import os
import tap_hubspot

tap_hubspot.BASE_URL = os.environ["STAND_IN"]
tap_hubspot.main()
