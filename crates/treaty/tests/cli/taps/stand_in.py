"""A stand-in for the servers of Salesforce and HubSpot, as far as their taps ask: data.json in the folder that is
named as the argument, read anew for each request. Prints its port."""
import json
import pathlib
import re
import sys
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FILE = pathlib.Path(sys.argv[1]) / "data.json"
PAGE = 2


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, value, status=200):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Sforce-Limit-Info", "api-usage=1/15000")
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/crm/v3/objects/deals/batch/read":
            deals = {str(d["dealId"]): d for d in json.loads(FILE.read_text())["hubspot"]["deals"]}
            found = [deals[i["id"]] for i in asked["inputs"]]
            self.answer({"results": [{"id": str(d["dealId"]), "properties": d["v3"]} for d in found]})
        else:
            self.answer({"message": f"nothing stands in for {self.path}"}, 404)

    def do_GET(self):
        data = json.loads(FILE.read_text())
        url = urllib.parse.urlsplit(self.path)
        asked = {k: v[0] for k, v in urllib.parse.parse_qs(url.query).items()}
        force, hub = data["salesforce"], data["hubspot"]
        part = url.path.strip("/").split("/")
        if part[:2] == ["services", "data"]:
            self.salesforce(part[3:], asked, force)
        elif part[:3] == ["crm", "v3", "properties"]:
            self.answer({"results": [{"name": n, "type": t} for n, t in hub["properties"].get(part[3], {}).items()]})
        elif url.path in ("/companies/v2/properties", "/properties/v1/deals/properties"):
            kind = "companies" if "companies" in url.path else "deals"
            self.answer([{"name": n, "type": t} for n, t in hub["properties"].get(kind, {}).items()])
        elif url.path in ("/crm/v3/objects/contacts", "/crm/v3/owners/"):
            rows = hub["contacts" if "contacts" in url.path else "owners"]
            start = int(asked.get("after", 0))
            more = {"paging": {"next": {"after": str(start + PAGE)}}} if start + PAGE < len(rows) else {}
            self.answer({"results": rows[start:start + PAGE], **more})
        elif url.path == "/deals/v1/deal/paged":
            rows = [{k: v for k, v in d.items() if k != "v3"} for d in hub["deals"]]
            self.answer({"deals": rows, "hasMore": False, "offset": 0})
        elif url.path == "/deals/v1/pipelines":
            self.answer(hub["pipelines"])
        elif url.path == "/crm/v3/schemas":
            self.answer({"results": []})
        else:
            self.answer({"message": f"nothing stands in for {self.path}"}, 404)

    def salesforce(self, part, asked, force):
        if part == ["sobjects"]:
            self.answer({"sobjects": [{"name": name} for name in force]})
        elif part[0] == "sobjects":
            fields = force[part[1]]["fields"]
            self.answer({"fields": [{"name": n, "type": t, "nillable": True} for n, t in fields.items()]})
        elif part[0] == "queryAll":
            query = asked["q"]
            fields, name = re.match(r"SELECT (\S+) FROM (\w+)", query).groups()
            rows = force[name]["records"]
            since = re.search(r"WHERE (\w+) >= (\S+)", query)
            if since:
                key, start = since.groups()
                rows = [r for r in rows if r[key][:19] >= start[:19]]
                rows = sorted(rows, key=lambda r: r[key])
            wanted = [{"attributes": {"type": name}, **{f: r.get(f) for f in fields.split(",")}} for r in rows]
            start = int(asked.get("from", 0))
            ask = urllib.parse.urlencode({"q": query, "from": start + PAGE})
            more = {"nextRecordsUrl": f"/services/data/v61.0/queryAll?{ask}"} if start + PAGE < len(wanted) else {}
            self.answer({"records": wanted[start:start + PAGE], "totalSize": len(wanted), **more})
        else:
            self.answer([{"message": "not here"}], 404)


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
