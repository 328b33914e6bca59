package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// fake is a hub whose statements are scripts: "rows" gives two, "wait" one and then waits for the client to leave, "fail"
// an error after a row.
type fake struct {
	ready atomic.Bool
	asked chan SQLRequest
	left  chan struct{}
}

func newFake() *fake {
	return &fake{asked: make(chan SQLRequest, 10), left: make(chan struct{}, 10)}
}

func (f *fake) Hub() Hub    { return Hub{Version: "1", Kafka: []string{"127.0.0.1:9092"}} }
func (f *fake) Ready() bool { return f.ready.Load() }
func (f *fake) Status() Status {
	return Status{Parts: []Part{{Kind: KindSource, Name: "s", RecordsIn: 3, Lag: -1}}}
}

func (f *fake) SQL(ctx context.Context, req SQLRequest, emit func(SQLLine) error) error {
	f.asked <- req
	if err := emit(SQLLine{Columns: []SQLColumn{{"a", "INT"}}}); err != nil {
		return err
	}
	if err := emit(SQLLine{Op: "+I", Row: json.RawMessage("[1]")}); err != nil {
		return err
	}
	switch req.SQL {
	case "fail":
		return errors.New("division by zero")
	case "wait":
		<-ctx.Done()
		f.left <- struct{}{}
		return ctx.Err()
	}
	return emit(SQLLine{End: true})
}

func serve(t *testing.T) (*fake, *httptest.Server) {
	t.Helper()
	f := newFake()
	s := httptest.NewServer(NewHandler(f, prometheus.NewRegistry()))
	t.Cleanup(s.Close)
	return f, s
}

// send gives the status and body of a request; headers are name, value, name, value.
func send(t *testing.T, method, url, body string, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		} else {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// Each path answers in its form, and what is wrong with a request is said in JSON with a code that fits.
func TestPathsAndBadRequests(t *testing.T) {
	f, s := serve(t)
	for _, c := range []struct {
		method, path, body string
		code               int
		want               string
	}{
		{"GET", "/healthz", "", 200, "ok\n"},
		{"GET", "/readyz", "", 503, "not ready\n"},
		{"GET", "/v1/hub", "", 200, `"version":"1"`},
		{"GET", "/v1/status", "", 200, `"records_in":3`},
		{"GET", "/metrics", "", 200, ""},
		{"GET", "/v1/nothing", "", 404, `"error":"nothing at /v1/nothing"`},
		{"POST", "/v1/sql", `{"sql":"rows"}`, 200, `{"op":"+I","row":[1]}` + "\n" + `{"end":true}`},
		{"POST", "/v1/sql", `{"sql":"fail"}`, 200, `{"error":{"message":"division by zero"}}`},
		{"POST", "/v1/sql", ``, 400, `"error":"read request: EOF"`},
		{"POST", "/v1/sql", `{"sql":`, 400, `"hint":"send {`},
		{"POST", "/v1/sql", `{"sql":"rows","folow":true}`, 400, `unknown field \"folow\"`},
		{"POST", "/v1/sql", `{"sql":"rows"} {"sql":"rows"}`, 400, "something follows the request"},
		{"POST", "/v1/sql", `{"sql":7}`, 400, "read request"},
		{"POST", "/v1/sql", `{"sql":"` + strings.Repeat("x", maxRequestBytes) + `"}`, 413, "too large"},
		{"GET", "/v1/sql", "", 404, "nothing at"},
		{"DELETE", "/v1/hub", "", 404, "nothing at"},
	} {
		code, body := send(t, c.method, s.URL+c.path, c.body)
		if code != c.code || !strings.Contains(body, c.want) {
			t.Errorf("%s %s %.40s: %d %.200s, want %d with %s", c.method, c.path, c.body, code, body, c.code, c.want)
		}
	}
	f.ready.Store(true)
	if code, body := send(t, "GET", s.URL+"/readyz", ""); code != 200 || body != "ready\n" {
		t.Errorf("/readyz of a hub that is ready: %d %s", code, body)
	}
}

// A web page of another origin cannot run statements, and a name that a name server points here is not answered, whatever
// the request; programs, which send no origin, and pages of the door itself are let in.
func TestOtherOriginsAreKeptOut(t *testing.T) {
	_, s := serve(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	for _, c := range []struct {
		name, method, path string
		headers            []string
		code               int
	}{
		{"a program", "POST", "/v1/sql", nil, 200},
		{"the door's own page", "POST", "/v1/sql", []string{"Origin", s.URL, "Sec-Fetch-Site", "same-origin"}, 200},
		{"a page of another site", "POST", "/v1/sql", []string{"Origin", "https://evil.example"}, 403},
		{"a page of another port", "POST", "/v1/sql", []string{"Origin", "http://127.0.0.1:1"}, 403},
		{"a form of another site", "POST", "/v1/sql", []string{"Origin", "null", "Content-Type", "text/plain"}, 403},
		{"a browser that says so", "POST", "/v1/sql", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"a name that was pointed here", "POST", "/v1/sql", []string{"Host", "evil.example:" + port, "Origin", "http://evil.example:" + port}, 403},
		{"the same, to read", "GET", "/v1/status", []string{"Host", "evil.example:" + port}, 403},
		{"localhost", "GET", "/v1/status", []string{"Host", "localhost:" + port}, 200},
		{"a name below localhost", "GET", "/v1/status", []string{"Host", "weir.localhost"}, 200},
		{"an IPv6 address", "GET", "/v1/status", []string{"Host", "[::1]:" + port}, 200},
		{"a name that begins like it", "GET", "/v1/status", []string{"Host", "localhost.evil.example"}, 403},
	} {
		if code, body := send(t, c.method, s.URL+c.path, `{"sql":"rows"}`, c.headers...); code != c.code {
			t.Errorf("%s: %d %s, want %d", c.name, code, body, c.code)
		}
	}
}

// A followed query's rows arrive while it goes on, and it ends when its client leaves.
func TestFollowedRowsArriveAtOnce(t *testing.T) {
	f, s := serve(t)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	var got []SQLLine
	err := Client{Server: s.URL + "/"}.SQL(ctx, SQLRequest{SQL: "wait", Follow: true}, func(l SQLLine) error {
		if got = append(got, l); len(got) == 2 {
			leave()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || len(got) != 2 || string(got[1].Row) != "[1]" {
		t.Errorf("%v after %+v", err, got)
	}
	select {
	case <-f.left:
	case <-time.After(30 * time.Second):
		t.Error("the query goes on without its client")
	}
	if req := <-f.asked; !req.Follow || req.Dir == "" {
		t.Errorf("the request is %+v, want the client's directory in it", req)
	}
}

// A hub that ends while a statement runs says so: rows that stop are not mistaken for all rows.
func TestEndOfTheHubIsTold(t *testing.T) {
	f := newFake()
	ctx, end := context.WithCancel(context.Background())
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		NewHandler(f, prometheus.NewRegistry()).ServeHTTP(w, r.WithContext(ctx))
	}))
	s.Start()
	defer s.Close()
	var last SQLLine
	err := Client{Server: s.URL}.SQL(t.Context(), SQLRequest{SQL: "wait", Follow: true}, func(l SQLLine) error {
		last = l
		if l.Op != "" {
			end()
		}
		return nil
	})
	if err != nil || last.Error == nil || !strings.Contains(last.Error.Msg, "hub ended") {
		t.Errorf("%v, last line %+v", err, last)
	}
}

// The client's errors say who was asked and what was wrong: nobody there, an answer that is none of a hub, a refusal.
func TestClientErrors(t *testing.T) {
	ctx := t.Context()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/hub" {
			_, _ = w.Write([]byte("<html>"))
			return
		}
		http.Error(w, "teapot", http.StatusTeapot)
	}))
	defer other.Close()
	gone := httptest.NewServer(nil)
	gone.Close()

	_, err := Client{Server: gone.Listener.Addr().String()}.Hub(ctx)
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), gone.Listener.Addr().String()) {
		t.Errorf("nobody there: %v", err)
	}
	if _, err := (Client{Server: other.URL}).Hub(ctx); err == nil || errors.Is(err, ErrUnreachable) {
		t.Errorf("no JSON: %v", err)
	}
	if _, err := (Client{Server: other.URL}).Status(ctx); err == nil || !strings.Contains(err.Error(), "teapot") {
		t.Errorf("a refusal: %v", err)
	}
	if _, err := (Client{Server: "http://[::1"}).Hub(ctx); err == nil {
		t.Error("an address that is none")
	}
	_, s := serve(t)
	stop := errors.New("enough")
	if err := (Client{Server: s.URL}).SQL(ctx, SQLRequest{SQL: "rows"}, func(SQLLine) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of emit: %v", err)
	}
}
