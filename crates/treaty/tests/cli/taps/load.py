"""A pipeline of dlt, as its users write them: contacts of the stand-in into a folder, as Parquet or as a Delta table."""
import os
import sys
import dlt
from dlt.sources.rest_api import rest_api_source

folder, form = sys.argv[1:]
source = rest_api_source({
    "client": {"base_url": os.environ["STAND_IN"], "paginator": {"type": "cursor", "cursor_path": "paging.next.after", "cursor_param": "after"}},
    "resources": [{
        "name": "contacts",
        "primary_key": "id",
        "write_disposition": "merge" if form == "delta" else "replace",
        "endpoint": {"path": "/crm/v3/objects/contacts", "data_selector": "results"},
    }],
})
if form == "delta":
    source.contacts.apply_hints(table_format="delta")
pipeline = dlt.pipeline("stand_in", destination=dlt.destinations.filesystem(f"file://{folder}"), dataset_name="crm",
                        pipelines_dir=os.path.join(folder, ".state"))
pipeline.run(source, loader_file_format="parquet")
