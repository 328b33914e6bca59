"""Compares what the flights example wrote with what plain queries of its CSV say.

usage: check.py CSV LAKE DIR, where DIR holds the consumed topics as lines of JSON, one file a topic.
"""
import json
import os
import sys

import duckdb

csv, lake, topics = sys.argv[1:4]
con = duckdb.connect()
con.execute("SET TimeZone='UTC'")
con.execute(f"CREATE TABLE flights AS SELECT * FROM read_csv('{csv}', nullstr='NA', types={{'time_hour': 'TIMESTAMP'}})")
columns = [c[0] for c in con.execute("DESCRIBE flights").fetchall()]
failures = []


def topic(name):
    with open(os.path.join(topics, name)) as f:
        return [json.loads(line) for line in f]


def equal(what, got, want):
    if got != want:
        failures.append(f"{what}: {got}, want {want}")


def one(query):
    return con.execute(query).fetchone()[0]


def rows(records):
    """The records of a topic as a table with the CSV's columns."""
    with open(os.path.join(topics, "rows.jsonl"), "w") as f:
        for r in records:
            f.write(json.dumps(r) + "\n")
    types = ", ".join(f"'{c[0]}': '{c[1]}'" for c in con.execute("DESCRIBE flights").fetchall())
    return f"(SELECT {', '.join(columns)} FROM read_json('{topics}/rows.jsonl', format='newline_delimited', columns={{{types}}}))"


def same_rows(what, source, where="true"):
    want = f"(SELECT {', '.join(columns)} FROM flights WHERE {where})"
    missing = one(f"SELECT COUNT(*) FROM (SELECT * FROM {want} EXCEPT ALL SELECT * FROM {source})")
    extra = one(f"SELECT COUNT(*) FROM (SELECT * FROM {source} EXCEPT ALL SELECT * FROM {want})")
    equal(f"{what}: rows missing and too many", (missing, extra), (0, 0))


same_rows("topic flights", rows(topic("flights")))
same_rows("topic flights.delayed", rows(topic("flights.delayed")), "arr_delay > 60")
same_rows("topic flights.delayed.expr", rows(topic("flights.delayed.expr")), "arr_delay > 60")
same_rows("parquet", f"(SELECT {', '.join(columns)} FROM read_parquet('{lake}/**/*.parquet', hive_partitioning=1))")

want = con.execute("""
    SELECT origin, time_bucket(INTERVAL 1 HOUR, time_hour) AS s, s + INTERVAL 1 HOUR, COUNT(*), AVG(dep_delay), MAX(dep_delay),
           AVG(CASE WHEN dep_time IS NULL THEN 1.0 ELSE 0.0 END)
    FROM flights GROUP BY 1, 2 ORDER BY 2, 1""").fetchall()
got = sorted(topic("delays_by_hour"), key=lambda r: (r["window_start"], r["origin"]))
equal("delays_by_hour: rows", len(got), len(want))
names = ["origin", "window_start", "window_end", "flights", "avg_dep_delay", "max_dep_delay", "cancelled_share"]
for w, g in zip(want, got):
    for name, a, b in zip(names, w, [g[n] for n in names]):
        close = isinstance(a, float) and isinstance(b, (int, float)) and abs(a - b) < 1e-9
        if not close and str(a) != str(b) and not (a is None and b is None):
            equal(f"delays_by_hour {g['origin']} {g['window_start']}: {name}", b, a)
leftovers = [f for _, _, fs in os.walk(os.path.join(lake, "_tmp")) for f in fs]
equal("files under _tmp", leftovers, [])
print("\n".join(failures[:20]) or "equal")
sys.exit(1 if failures else 0)
