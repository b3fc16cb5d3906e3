"""tap-salesforce, but logged in to a stand-in: its host is fixed in the code."""
import os
import tap_salesforce


def login(self):
    self.access_token, self.instance_url = "token", os.environ["STAND_IN"]


tap_salesforce.Salesforce.login = login
tap_salesforce.main()
