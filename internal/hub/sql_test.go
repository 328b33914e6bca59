package hub_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/weirhub/weir/internal/admin"
	"github.com/weirhub/weir/internal/hub"
)

// transcript is the answer to statements as text: columns, changes, messages, warnings, mistakes; one a line.
type transcript struct{ lines []string }

func (a *transcript) add(l admin.SQLLine) error {
	switch {
	case l.Error != nil:
		text := fmt.Sprintf("error %d:%d %s", l.Error.Line, l.Error.Col, l.Error.Msg)
		if l.Error.Hint != "" {
			text += " (" + l.Error.Hint + ")"
		}
		a.lines = append(a.lines, text)
	case l.Columns != nil:
		var cols []string
		for _, c := range l.Columns {
			cols = append(cols, c.Name+" "+c.Type)
		}
		a.lines = append(a.lines, "columns "+strings.Join(cols, ", "))
	case l.Op != "":
		a.lines = append(a.lines, l.Op+" "+string(l.Row))
	case l.Message != "":
		a.lines = append(a.lines, "message "+l.Message)
	case l.Warning != "":
		a.lines = append(a.lines, "warning "+l.Warning)
	case l.End:
		a.lines = append(a.lines, "end")
	}
	return nil
}

// rows are the changes only, sorted.
func (a *transcript) rows() []string {
	var out []string
	for _, l := range a.lines {
		if strings.HasPrefix(l, "+") || strings.HasPrefix(l, "-") {
			out = append(out, l)
		}
	}
	slices.Sort(out)
	return out
}

// ask runs statements as `weir sql` does, through the hub's HTTP door.
func (r *running) ask(req admin.SQLRequest) *transcript {
	r.t.Helper()
	var a transcript
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	if err := (admin.Client{Server: r.Hub.Hub().HTTP}).SQL(ctx, req, a.add); err != nil {
		r.t.Fatalf("%s: %v\n%s", req.SQL, err, strings.Join(a.lines, "\n"))
	}
	r.t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return &a
}

func (r *running) sql(text string) *transcript {
	r.t.Helper()
	return r.ask(admin.SQLRequest{SQL: text})
}

const shop = `version: 1
topics:
  orders:
    columns: {id: BIGINT, city: STRING, amount: DOUBLE, at: TIMESTAMP(3)}
    watermark: at - INTERVAL '1' MINUTE
  totals: {columns: {city: STRING, n: BIGINT}}
`

// openShop is a hub with four orders, of which one cannot be read.
func openShop(t *testing.T) *running {
	t.Helper()
	r := open(t, options(newDir(t, "weir.yaml", shop).load())).up()
	r.produce("orders",
		`{"id":1,"city":"Oslo","amount":10.5,"at":"2024-01-01T00:00:10"}`,
		`{"id":2,"city":"Rome","amount":20,"at":"2024-01-01T00:00:20"}`,
		`{"id":"three","city":"Rome","amount":1,"at":"2024-01-01T00:00:30"}`,
		`{"id":4,"city":"Oslo","amount":null,"at":"2024-01-01T00:01:30"}`,
	)
	return r
}

// A query over topics answers with what is there, to the end noted at the start; what cannot be read is counted and told.
func TestQueriesOverTopics(t *testing.T) {
	const unread = "warning 1 record could not be read; it is orders-0 offset 2: "
	r := openShop(t)
	for _, c := range []struct {
		sql  string
		want []string
	}{
		{"SELECT id, city FROM orders WHERE amount > 15", []string{"columns id BIGINT, city STRING", `+I [2,"Rome"]`, "end"}},
		{
			"SELECT city, COUNT(*) AS n, SUM(amount) AS total FROM orders GROUP BY city ORDER BY city",
			[]string{"columns city STRING, n BIGINT NOT NULL, total DOUBLE", `+I ["Oslo",2,10.5]`, `+I ["Rome",2,21.0]`, "end"},
		},
		{"SELECT id FROM orders ORDER BY id DESC LIMIT 2", []string{"columns id BIGINT", "+I [4]", "+I [2]", "end"}},
		{
			"SELECT window_start, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(at), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end ORDER BY window_start",
			[]string{
				"columns window_start TIMESTAMP(3) NOT NULL, n BIGINT NOT NULL",
				`+I ["2024-01-01 00:00:00.000",3]`, `+I ["2024-01-01 00:01:00.000",1]`, "end",
			},
		},
	} {
		got := r.sql(c.sql).lines
		if i := len(got) - 1; i >= 0 && strings.HasPrefix(got[i], "warning ") {
			if !strings.HasPrefix(got[i], unread) {
				t.Errorf("%s: %s", c.sql, got[i])
			}
			got = got[:i]
		} else if strings.Contains(c.sql, "id") {
			t.Errorf("%s: nothing is said of the record that cannot be read", c.sql)
		}
		equal(t, c.sql, got, c.want)
	}
}

// The changelog shows how an answer came to be.
func TestChangelog(t *testing.T) {
	r := openShop(t)
	got := r.ask(admin.SQLRequest{SQL: "SELECT city, COUNT(*) FROM orders GROUP BY city", Changelog: true}).rows()
	equal(t, "changelog", got, []string{
		`+I ["Oslo",1]`, `+I ["Rome",1]`, `+U ["Oslo",2]`, `+U ["Rome",2]`, `-U ["Oslo",1]`, `-U ["Rome",1]`,
	})
}

// A followed query goes on with new records until the client leaves, and then nothing of it is left (the harness looks for
// goroutines).
func TestFollowedQuery(t *testing.T) {
	r := openShop(t)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	rows, done := make(chan string, 100), make(chan error, 1)
	go func() {
		done <- (admin.Client{Server: r.Hub.Hub().HTTP}).SQL(ctx, admin.SQLRequest{SQL: "SELECT city, amount FROM orders WHERE city = 'Oslo'", Follow: true}, func(l admin.SQLLine) error {
			if l.Op != "" {
				rows <- string(l.Row)
			}
			return nil
		})
	}()
	equal(t, "what was there", []string{<-rows, <-rows}, []string{`["Oslo",10.5]`, `["Oslo",null]`})
	r.produce("orders", `{"id":5,"city":"Oslo","amount":7,"at":"2024-01-01T00:02:00"}`)
	equal(t, "what came", []string{<-rows}, []string{`["Oslo",7.0]`})
	leave()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the client that left: %v", err)
	}
	http.DefaultClient.CloseIdleConnections()
}

// A followed query ends with the hub, which does not wait for the client.
func TestFollowedQueryEndsWithTheHub(t *testing.T) {
	r := openShop(t)
	began, done := make(chan struct{}, 100), make(chan error, 1)
	go func() {
		done <- (admin.Client{Server: r.Hub.Hub().HTTP}).SQL(t.Context(), admin.SQLRequest{SQL: "SELECT id FROM orders", Follow: true}, func(admin.SQLLine) error {
			began <- struct{}{}
			return nil
		})
	}()
	<-began
	if err := r.end(); err != nil {
		t.Errorf("Run: %v", err)
	}
	<-done
	http.DefaultClient.CloseIdleConnections()
}

// Statements that say what there is.
func TestShowAndDescribe(t *testing.T) {
	r := openShop(t)
	r.produce("later.topic", "x")
	for sql, want := range map[string][]string{
		"SHOW TABLES": {`+I ["later.topic"]`, `+I ["orders"]`, `+I ["totals"]`},
		"DESCRIBE totals": {
			`+I ["city","STRING","TRUE","","",""]`, `+I ["n","BIGINT","TRUE","","",""]`,
		},
		"SELECT `value`, `offset` FROM `later.topic`": {`+I ["x",0]`},
	} {
		equal(t, sql, r.sql(sql).rows(), want)
	}
	if got := strings.Join(r.sql("EXPLAIN SELECT city FROM orders WHERE amount > 1").lines, "\n"); !strings.Contains(got, "orders") || strings.Contains(got, "error") {
		t.Errorf("EXPLAIN: %s", got)
	}
}

// INSERT writes topics; a table made by the request before it takes its rows. The group under which it committed is gone
// afterwards, and a record that it could not read is told and kept.
func TestInserts(t *testing.T) {
	r := openShop(t)
	got := r.sql("INSERT INTO totals SELECT city, id FROM orders").lines
	if len(got) != 2 || got[0] != "message 3 rows into totals" || !strings.HasPrefix(got[1], "warning 1 record could not be read and went to orders.dlq; it is orders-0 offset 2: ") {
		t.Errorf("INSERT ... SELECT: %q", got)
	}
	equal(t, "VALUES", r.sql("INSERT INTO totals VALUES ('Bern', 7)").lines, []string{"message 1 rows into totals"})
	equal(t, "totals", values(r.records("totals", 4)), []string{
		`{"city":"Bern","n":7}`, `{"city":"Oslo","n":1}`, `{"city":"Oslo","n":4}`, `{"city":"Rome","n":2}`,
	})
	r.records("orders.dlq", 1)
	equal(t, "CREATE and INSERT", r.sql("CREATE TABLE big (city STRING, k STRING) WITH ('connector'='kafka','topic'='big.orders','format'='json'); INSERT INTO big SELECT city, CAST(id AS STRING) FROM orders WHERE amount > 15;").lines[:2],
		[]string{"message ok big", "message 1 rows into big"})
	equal(t, "big.orders", values(r.records("big.orders", 1)), []string{`{"city":"Rome","k":"2"}`})
	equal(t, "the next session does not know it", r.sql("SELECT * FROM big").lines, []string{"error 1:15 unknown table big (there are: big.orders, orders, orders.dlq, totals)"})
	if g := r.groups(); len(g) != 0 {
		t.Errorf("groups that were left: %q", g)
	}
}

// Several INSERTs of one request each read their tables from the start.
func TestInsertsOfOneRequestReadTheirOwnInput(t *testing.T) {
	r := openShop(t)
	got := r.sql("INSERT INTO totals SELECT city, id FROM orders WHERE id < 2; INSERT INTO totals SELECT city, id FROM orders WHERE id >= 2").lines
	equal(t, "messages", slices.DeleteFunc(got, func(l string) bool { return !strings.HasPrefix(l, "message ") }),
		[]string{"message 1 rows into totals", "message 2 rows into totals"})
	equal(t, "totals", values(r.records("totals", 3)), []string{`{"city":"Oslo","n":1}`, `{"city":"Oslo","n":4}`, `{"city":"Rome","n":2}`})
}

// Sessions run at the same time and know nothing of each other; a topic that is made meanwhile is seen by the next.
func TestSessionsAreIndependent(t *testing.T) {
	r := openShop(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			var a transcript
			text := fmt.Sprintf("CREATE VIEW v AS SELECT city, %d AS n FROM orders WHERE amount > 15; SELECT * FROM v; SHOW VIEWS", i)
			if err := (admin.Client{Server: r.Hub.Hub().HTTP}).SQL(t.Context(), admin.SQLRequest{SQL: text}, a.add); err != nil {
				t.Error(err)
			}
			if want := []string{fmt.Sprintf(`+I ["Rome",%d]`, i), `+I ["v"]`}; !slices.Equal(a.rows(), want) {
				t.Errorf("session %d: %q, want %q", i, a.lines, want)
			}
		})
	}
	wg.Wait()
	r.produce("new", "hello")
	equal(t, "a new topic", r.sql("SELECT `value` FROM new").rows(), []string{`+I ["hello"]`})
}

// A mistake that shows while rows are read ends its statement and tells the cause; the hub goes on.
func TestStatementThatFails(t *testing.T) {
	r := openShop(t)
	got := r.sql("SELECT 10 / (id - 2) FROM orders").lines
	if last := got[len(got)-1]; last != "error 0:0 division by zero" {
		t.Errorf("ends with %q", last)
	}
	got = r.sql("INSERT INTO totals SELECT city, 10 / (id - 2) FROM orders").lines
	equal(t, "INSERT", got, []string{"error 0:0 division by zero"})
	r.records("totals", 0) // nothing of it was committed
}

// Mistakes are told with their place and what to do; nothing runs then.
func TestMistakesInStatements(t *testing.T) {
	r := openShop(t)
	r.produce("shop.orders", "x")
	for sql, want := range map[string][]string{
		"SELECT id FROM ordres":       {`error 1:16 unknown table ordres (did you mean orders?)`},
		"SELECT ids FROM orders":      {`error 1:8 unknown column ids (did you mean id?)`},
		"INSERT INTO total SELECT 1":  {`error 1:13 unknown table total (did you mean totals?)`},
		"SELECT x FROM\n  'none.csv'": {"error 2:3"},
		"SELECT * FROM shop.orders":   {"error 1:15 unknown database shop (a name with a dot is written in back-ticks: `shop.orders`)"},
	} {
		got := r.sql(sql).lines
		if len(got) != 1 || !strings.HasPrefix(got[0], want[0]) {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
	got := r.sql("SELECT nope FROM orders; INSERT INTO totals VALUES ('x', 1); SELECT a FROM missing").lines
	if len(got) != 2 {
		t.Errorf("two mistakes among three statements: %q", got)
	}
	r.records("totals", 0)
}

// runFiles runs statements without a hub.
func runFiles(t *testing.T, d dir, text string) *transcript {
	t.Helper()
	var a transcript
	if err := hub.RunFiles(t.Context(), admin.SQLRequest{SQL: text, Dir: d.path}, a.add); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return &a
}

// Files are tables by their path: CSV as people's programs write it (a BOM, CRLF, quoted headers, an empty line, no line
// end at the end), JSON lines, and both compressed. A record that is not whole is counted and told.
func TestFilesAreTables(t *testing.T) {
	d := newDir(t, "f.csv", "\ufeff\"id\",\"a,b\"\r\n1,\"x\r\ny\"\r\n2,\"say \"\"hi\"\"\"\r\n\r\n3,",
		"l.jsonl", "{\"id\":1,\"tags\":\"a\"}\n\n{\"id\":2}\n{\"id\":3,\n", "head.csv", "id,name\n", "bad.csv", "id,name\n1,a\n2,b,c\n3,c\n")
	gz, err := os.Create(filepath.Join(d.path, "z.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(gz)
	_, _ = z.Write([]byte("id,name\n1,a\n2,b\n"))
	if err := errors.Join(z.Close(), gz.Close()); err != nil {
		t.Fatal(err)
	}
	for sql, want := range map[string][]string{
		"SELECT id FROM 'f.csv'":                                  {"+I [1]", "+I [2]", "+I [3]"},
		"SELECT `a,b` FROM 'f.csv'":                               {`+I ["say \"hi\""]`, `+I ["x\r\ny"]`, `+I [null]`},
		"SELECT id, tags FROM 'l.jsonl'":                          {`+I [1,"a"]`, `+I [2,null]`},
		"SELECT id, name FROM 'head.csv'":                         nil,
		"SELECT name FROM 'z.csv.gz' WHERE id = 2":                {`+I ["b"]`},
		"SELECT id FROM 'bad.csv'":                                {"+I [1]", "+I [3]"},
		"SELECT 1 + 1":                                            {"+I [2]"},
		"SELECT id FROM 'file://" + d.path + "/z.csv.gz' LIMIT 1": {"+I [1]"},
	} {
		if !hub.OnlyFiles(strings.ReplaceAll(sql, "FROM '", "FROM '"+d.path+"/")) && !strings.Contains(sql, "file://") {
			t.Errorf("%s asks for a hub", sql)
		}
		a := runFiles(t, d, sql)
		equal(t, sql, a.rows(), want)
		last := a.lines[len(a.lines)-1]
		if bad := strings.Contains(sql, "bad.csv") || strings.Contains(sql, "l.jsonl"); bad != strings.HasPrefix(last, "warning 1 record could not be read; it is ") {
			t.Errorf("%s ends with %s", sql, last)
		}
	}
	if got := runFiles(t, d, "SELECT id FROM 'nowhere.csv'").lines; len(got) != 1 || !strings.HasPrefix(got[0], "error 1:16") || !strings.Contains(got[0], "nowhere.csv") {
		t.Errorf("a file that is not there: %q", got)
	}
}

// A file's header may name columns and delimit them as its program liked; what cannot be a table is told.
func TestOddFiles(t *testing.T) {
	d := newDir(t, "semi.csv", "id;a b;c -- d\n1;x;\"y;z\"\n", "quoted.csv", "\"id\";\"a,b\"\r\n1;\"x\r\ny\"\r\n2;\"say \"\"hi\"\"\"\r\n\r\n3;", "tabs.csv", "id\tname\n1\tx y\n", "one.csv", "a;b\n", "semi;--colon.csv", "id\n1\n",
		"unclosed.csv", "id,a\n1,x\n2,\"open\n3,z\n", "bom.csv", "\ufeff", "empty.csv", "", "twice.csv", "a,a\n1,2\n", "noend", "a\n", "quote'd`.csv", "a`b,c'd\n1,2\n")
	for sql, want := range map[string][]string{
		"SELECT id, `a b`, `c -- d` FROM 'semi.csv'": {`+I [1,"x","y;z"]`},
		"SELECT name FROM 'tabs.csv' WHERE id = 1":   {`+I ["x y"]`},
		"SELECT id, `a,b` FROM 'quoted.csv'":         {`+I [1,"x\r\ny"]`, `+I [2,"say \"hi\""]`, `+I [3,null]`},
		"SELECT a, b FROM 'one.csv'":                 nil,
		"SELECT id FROM 'semi;--colon.csv'":          {"+I [1]"},
		"SELECT id, a FROM 'unclosed.csv'":           {`+I [1,"x"]`, `+I [3,"z"]`},
		"SELECT `a``b`, `c'd` FROM 'quote''d`.csv'":  {"+I [1,2]"},
	} {
		a := runFiles(t, d, sql)
		equal(t, sql, a.rows(), want)
		if last := a.lines[len(a.lines)-1]; strings.HasPrefix(last, "warning") != strings.Contains(sql, "unclosed") {
			t.Errorf("%s: %q", sql, a.lines)
		}
	}
	for name, want := range map[string]string{
		"bom.csv": "empty", "empty.csv": "empty", "twice.csv": `"a" stands twice`, "noend": "does not tell the format", ".": "is a directory",
	} {
		got := runFiles(t, d, "SELECT * FROM '"+name+"'").lines
		if len(got) != 1 || !strings.HasPrefix(got[0], "error 1:15") || !strings.Contains(got[0], want) {
			t.Errorf("%s: %q, want an error with %q", name, got, want)
		}
	}
}

// Statements need a hub when they name a table that is no file, or ask which there are. Their other mistakes do not.
func TestWhatNeedsAHub(t *testing.T) {
	d := newDir(t, "f.csv", "id\n1\n")
	file := "'" + d.path + "/f.csv'"
	for sql, local := range map[string]bool{
		"SELECT id FROM " + file:    true,
		"SELECT nope FROM " + file:  true,
		"SELECT x.id FROM " + file:  true,
		"SELECT unknown table":      true,
		"SELECT id FROM 'none.csv'": true,
		"SELEC":                     true,
		"VALUES (1)":                true,
		"SHOW FUNCTIONS":            true,
		"CREATE VIEW v AS SELECT id FROM " + file + "; SELECT COUNT(*) FROM v":                                                  true,
		"CREATE TABLE t (id INT) WITH ('connector'='filesystem','path'='" + d.path + "/f.csv','format'='csv'); SELECT * FROM t": true,
		"SELECT id FROM orders":                false,
		"/* all */ SHOW TABLES":                false,
		"DESCRIBE orders":                      false,
		"SHOW CREATE TABLE orders":             false,
		"INSERT INTO t SELECT id FROM " + file: false,
		"EXPLAIN SELECT id FROM orders":        false,
		"CREATE TABLE t (id INT) WITH ('connector'='kafka','topic'='t','format'='json'); SELECT * FROM t": false,
	} {
		if got := hub.OnlyFiles(sql); got != local {
			t.Errorf("%s: without a hub %t, want %t", sql, got, local)
		}
	}
}

// A query of the file names files relative to the file, wherever the hub was started.
func TestQueriesNameFilesRelativeToTheFile(t *testing.T) {
	d := newDir(t, "conf/weir.yaml", `version: 1
topics: {ids: {columns: {id: BIGINT}}}
queries:
  named: INSERT INTO ids SELECT id FROM 'in.csv'
  declared: |
    CREATE TABLE f (id BIGINT) WITH ('connector'='filesystem', 'path'='in.csv', 'format'='csv');
    INSERT INTO ids SELECT id + 10 FROM f;
sinks: {print: {from: ids, stdout: {}}}
`, "conf/in.csv", "id\n1\n2\n")
	r := runToEnd(t, options(dir{t, filepath.Join(d.path, "conf")}.load())).sound()
	got := strings.Fields(r.out.String())
	slices.Sort(got)
	equal(t, "ids", got, []string{`{"id":11}`, `{"id":12}`, `{"id":1}`, `{"id":2}`})
}
