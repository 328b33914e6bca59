"""Reads a table's folder with DuckDB and with pyarrow and prints what each saw, as JSON."""
import json
import sys

import duckdb
import pyarrow.dataset as ds
import pyarrow.parquet as pq

folder, order = sys.argv[1], sys.argv[2]
out = {}
con = duckdb.connect()
con.execute("SET TimeZone='UTC'")
types = "hive_types_autocast=0"
cols = [c[0] for c in con.execute(f"DESCRIBE SELECT * FROM read_parquet('{folder}/**/*.parquet', hive_partitioning=1, {types})").fetchall()]
casts = ", ".join(f'CAST("{c}" AS VARCHAR)' for c in sorted(cols))
rows = con.execute(f"SELECT {casts} FROM read_parquet('{folder}/**/*.parquet', hive_partitioning=1, {types}) ORDER BY {order}").fetchall()
out["duckdb"] = [dict(zip(sorted(cols), r)) for r in rows]
table = ds.dataset(folder, format="parquet", partitioning=ds.partitioning(flavor="hive")).to_table().sort_by(order)
out["pyarrow"] = [{k: None if v is None else str(v) for k, v in r.items()} for r in table.select(sorted(n for n in table.column_names if str(table.schema.field(n).type) != "timestamp[ns]")).to_pylist()]
first = sorted(__import__("glob").glob(f"{folder}/**/*.parquet", recursive=True))[0]
f = pq.ParquetFile(first)
out["schema"] = {f.schema.column(i).name: [str(f.schema.column(i).logical_type), f.schema.column(i).physical_type] for i in range(len(f.schema))}
out["arrow"] = {n: str(t) for n, t in zip(f.schema_arrow.names, f.schema_arrow.types)}
groups = []
for g in range(f.metadata.num_row_groups):
    rg = f.metadata.row_group(g)
    groups.append({rg.column(c).path_in_schema: [str(rg.column(c).statistics.min), str(rg.column(c).statistics.max)]
                   for c in range(rg.num_columns) if rg.column(c).path_in_schema != "ns" and rg.column(c).statistics is not None and rg.column(c).statistics.has_min_max})
out["statistics"] = groups
for q in sys.argv[3:]:
    out.setdefault("queries", []).append(con.execute(q.replace("TABLE", f"read_parquet('{folder}/**/*.parquet', hive_partitioning=1)")).fetchall()[0][0])
print(json.dumps(out, default=str))
