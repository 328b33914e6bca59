package hub_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirhub/weir/internal/admin"
	"github.com/weirhub/weir/internal/config"
	"github.com/weirhub/weir/internal/hub"
	"github.com/weirhub/weir/test/peers"
)

// marker is the secret of these tests.
const marker = "S3cr3t-Zq!"

// hides fails the test when a text shows the marker, as it is or percent-encoded.
func hides(t *testing.T, surface, text string) {
	t.Helper()
	for _, form := range []string{marker, "S3cr3t-Zq%21"} {
		if i := strings.Index(text, form); i >= 0 {
			t.Errorf("%s shows the secret: ...%s...", surface, text[max(0, i-60):min(len(text), i+30)])
		}
	}
}

const secretFile = `version: 1
topics:
  in: {columns: {id: BIGINT}}
  out: {columns: {id: BIGINT}}
  dead: {}
functions:
  leaky:
    runtime: python3
    code: code
    handler: app.handler
    env: {DB_PASSWORD: "${DB_PASSWORD}", DSN: "nats://u:S3cr3t-Zq!@h:4222", FROM_FILE: "${file:secret.txt}"}
    triggers: {topic: in, errors: {retries: 0, dead_letter: dead}}
queries:
  copy: |
    CREATE TABLE src (id BIGINT) WITH ('connector'='kafka', 'topic'='in', 'format'='json',
      'properties.sasl.jaas.config'='org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="S3cr3t-Zq!";');
    INSERT INTO out SELECT id / 0 FROM src WHERE '${DB_PASSWORD}' <> 'nats://u:S3cr3t-Zq!@h';
`

const leakyApp = `import os
def handler(event, context):
    print("env", dict(os.environ))
    raise Exception("cannot log in with " + os.environ["DB_PASSWORD"] + " or " + os.environ["FROM_FILE"])
`

// A secret of the file, given by a variable, by a file, in a URL, in a function's environment or in an option of SQL, is
// shown by no surface of a running hub: status, metrics, logs of the hub and of functions, problems, statements about
// tables, configurations of topics, dead letters, internal topics.
func TestNoSurfaceShowsSecrets(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		peers.Lack(t, "python3 is not installed")
	}
	t.Setenv("DB_PASSWORD", marker)
	d := newDir(t, "weir.yaml", secretFile, "secret.txt", marker+"\n", "code/app.py", leakyApp)
	r := open(t, options(d.load())).up()
	r.produce("in", `{"id":1}`)
	dead := r.records("dead", 1)
	eventually(t, "the query has failed", func() bool { return r.part(admin.KindQuery, "copy").State == admin.StateFailed })

	for _, h := range dead[0].Headers {
		hides(t, "header "+h.Key, string(h.Value))
	}
	for _, path := range []string{"/v1/status", "/v1/hub", "/metrics"} {
		_, body := get(t, "http://"+r.Hub.Hub().HTTP+path)
		hides(t, path, body)
	}
	if log := r.log.String(); !strings.Contains(log, "leaky: env") || !strings.Contains(log, "copy failed") {
		t.Errorf("the log lacks what is looked for:\n%s", log)
	}
	hides(t, "log", r.log.String())
	problems, err := json.Marshal(r.Problems())
	if err != nil || len(r.Problems()) == 0 {
		t.Fatalf("problems: %s, %v", problems, err)
	}
	hides(t, "problems", r.Problems().Render()+r.Problems().Error()+string(problems))
	http.DefaultClient.CloseIdleConnections()
	r.hidesInCluster()
}

// hidesInCluster looks at what a client sees of configurations and internal topics.
func (r *running) hidesInCluster() {
	r.t.Helper()
	c := r.client()
	defer c.Close()
	a := kadm.NewClient(c)
	topics, err := a.ListTopicsWithInternal(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	configs, err := a.DescribeTopicConfigs(r.t.Context(), topics.Names()...)
	if err != nil {
		r.t.Fatal(err)
	}
	text, err := json.Marshal(configs)
	if err != nil {
		r.t.Fatal(err)
	}
	hides(r.t, "DescribeConfigs", string(text))
	internal := 0
	for _, name := range topics.Names() {
		if !strings.HasPrefix(name, "__weir_") {
			continue
		}
		internal++
		for _, rec := range r.all(name) {
			hides(r.t, name, string(rec.Key)+string(rec.Value))
		}
	}
	if internal == 0 {
		r.t.Error("there is no internal topic to look at")
	}
}

// all reads every record of a topic, committed or not.
func (r *running) all(topic string) (out []*kgo.Record) {
	r.t.Helper()
	c := r.client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.KeepControlRecords())
	defer c.Close()
	ends, err := kadm.NewClient(c).ListEndOffsets(r.t.Context(), topic)
	if err != nil {
		r.t.Fatal(err)
	}
	var last int64
	ends.Each(func(o kadm.ListedOffset) { last += o.Offset })
	for read := int64(0); read < last; {
		f := c.PollFetches(r.t.Context())
		if err := f.Err0(); err != nil {
			r.t.Fatal(err)
		}
		for _, rec := range f.Records() {
			read = rec.Offset + 1
			out = append(out, rec)
		}
	}
	return out
}

// Statements show neither the secrets of other statements nor their own when they are wrong. What is around them stays.
func TestStatementsHideSecrets(t *testing.T) {
	r := openShop(t)
	const create = "CREATE TABLE s (id BIGINT) WITH ('connector'='kafka', 'topic'='orders', 'format'='json', " +
		"'properties.bootstrap.servers'='nats://u:S3cr3t-Zq!@h:4222', 'properties.sasl.jaas.config'='x password=\"S3cr3t-Zq!\";')"
	shown := strings.Join(r.sql(create+"; SHOW CREATE TABLE s").lines, "\n")
	hides(t, "SHOW CREATE TABLE", shown)
	for _, want := range []string{"'properties.sasl.jaas.config' = '***'", "nats://u:***@h:4222", "'topic' = 'orders'"} {
		if !strings.Contains(shown, want) {
			t.Errorf("SHOW CREATE TABLE lacks %s:\n%s", want, shown)
		}
	}
	for _, sql := range []string{
		strings.Replace(create, "BIGINT", "BIGIN", 1),
		strings.Replace(create, "'format'='json'", "'formt'='json'", 1),
		create + "; SELECT nope FROM s",
		"CREATE TABLE s (id BIGINT) WITH ('connector'='kafka', 'sasl.password'='S3cr3t-Zq!')",
		"SELECT * FROM 'nats://u:S3cr3t-Zq!@h/x.csv'",
		create + "; EXPLAIN SELECT id FROM s",
	} {
		err := (admin.Client{Server: r.Hub.Hub().HTTP}).SQL(t.Context(), admin.SQLRequest{SQL: sql}, func(l admin.SQLLine) error {
			text, err := json.Marshal(l)
			hides(t, sql[:40], string(text))
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// What is refused before anything starts hides secrets as well: an external cluster whose address holds one, mistakes in SQL and
// in the configurations of topics.
func TestRefusalsHideSecrets(t *testing.T) {
	t.Setenv("DB_PASSWORD", marker)
	for name, text := range map[string]string{
		"brokers": "version: 1\nbrokers: [\"kafka://u:S3cr3t-Zq!@127.0.0.1:1\"]\ntopics: {t: {}}\n",
		"SQL":     "version: 1\ntopics: {t: {}}\nqueries: {q: \"INSERT INTO t SELECT nope, 'a' FROM t WHERE x = '${DB_PASSWORD}' AND '${DB_PASSWORD}'\"}\n",
		"config":  "version: 1\ntopics: {t: {config: {no.such.password: \"${DB_PASSWORD}\"}}}\n",
		"columns": "version: 1\ntopics: {t: {columns: {a: \"${DB_PASSWORD}\"}}}\n",
		"expr":    "version: 1\ntopics: {t: {}}\nfunctions: {f: {expr: \"value == '${DB_PASSWORD}' &&\", triggers: t}}\n",
		"path":    "version: 1\ntopics: {t: {}}\nqueries: {q: \"INSERT INTO t SELECT a FROM 'https://u:${DB_PASSWORD}@h/x.csv'\"}\n",
	} {
		d := newDir(t, "weir.yaml", text)
		f, err := config.Load(filepath.Join(d.path, "weir.yaml"), os.LookupEnv)
		if err == nil {
			var h *hub.Hub
			if h, err = hub.Open(t.Context(), options(f)); err == nil {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second) // a cluster that is away is waited for
				hides(t, name, fmt.Sprint(h.Hub()))
				err = errors.Join(h.Run(ctx), h.Close())
				cancel()
			}
		}
		if err == nil {
			t.Errorf("%s: nothing is refused", name)
			continue
		}
		hides(t, name, err.Error())
		var es config.Errors
		if errors.As(err, &es) {
			hides(t, name, es.Render())
		}
	}
}
