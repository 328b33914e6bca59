package lambdaapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weirhub/weir/functions"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// client is a runtime interface client that does as it is told.
type client struct {
	t    *testing.T
	base string
	http http.Client
}

func serve(t *testing.T) (*Runtime, *client) {
	r := NewRuntime("arn:aws:lambda:us-east-1:000000000000:function:f")
	srv := httptest.NewServer(r)
	c := &client{t: t, base: srv.URL + "/2018-06-01/runtime/"}
	t.Cleanup(func() {
		r.Fail(functions.ErrClosed)
		c.http.CloseIdleConnections()
		srv.Close()
	})
	return r, c
}

func (c *client) do(method, path, body string, headers ...string) (int, http.Header, string) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(text)
}

type answer struct {
	payload string
	err     error
}

// invoke hands an event to the client, which gets its id from the next invocation.
func invoke(ctx context.Context, t *testing.T, r *Runtime, c *client) (id string, got chan answer) {
	t.Helper()
	got = make(chan answer, 1)
	deadline := time.UnixMilli(1772353800123)
	go func() {
		payload, err := r.Invoke(ctx, Invocation{ID: NewID(), Deadline: deadline, Payload: []byte(`{"a":1}`)})
		got <- answer{string(payload), err}
	}()
	status, head, body := c.do("GET", "invocation/next", "")
	if status != 200 || body != `{"a":1}` || head.Get("Lambda-Runtime-Deadline-Ms") != "1772353800123" ||
		head.Get("Lambda-Runtime-Invoked-Function-Arn") != "arn:aws:lambda:us-east-1:000000000000:function:f" ||
		!strings.HasPrefix(head.Get("Lambda-Runtime-Trace-Id"), "Root=1-") {
		t.Fatalf("next: %d %v %s", status, head, body)
	}
	return head.Get("Lambda-Runtime-Aws-Request-Id"), got
}

// Clients check for exactly 200 on GET and 202 on POST.
func TestAnswers(t *testing.T) {
	r, c := serve(t)
	id, got := invoke(t.Context(), t, r, c)
	if status, _, body := c.do("POST", "invocation/nope/response", "{}"); status != 400 || !strings.Contains(body, "InvalidRequestID") {
		t.Errorf("wrong id: %d %s", status, body)
	}
	if status, _, body := c.do("POST", "invocation/"+id+"/response", `"yes"`); status != 202 || body != "{\"status\":\"OK\"}\n" {
		t.Errorf("response: %d %q", status, body)
	}
	if a := <-got; a.payload != `"yes"` || a.err != nil {
		t.Errorf("got %v", a)
	}

	id, got = invoke(t.Context(), t, r, c)
	status, _, _ := c.do("POST", "invocation/"+id+"/error", `{"errorMessage":"no","errorType":"ValueError","stackTrace":["a",{"line":1}]}`,
		"Lambda-Runtime-Function-Error-Type", "Unhandled")
	a := <-got
	var fe *functions.FunctionError
	if status != 202 || !errors.As(a.err, &fe) || fe.Type != "ValueError" || fe.Message != "no" || fe.RequestID != id ||
		strings.Join(fe.Stack, "|") != `a|{"line":1}` {
		t.Errorf("error: %d %#v", status, a.err)
	}

	id, got = invoke(t.Context(), t, r, c)
	if status, _, _ := c.do("POST", "invocation/"+id+"/error", "not JSON", "Lambda-Runtime-Function-Error-Type", "Runtime.X"); status != 202 {
		t.Errorf("error: %d", status)
	}
	if a := <-got; a.err == nil || a.err.Error() != "Runtime.X: not JSON" {
		t.Errorf("got %v", a.err)
	}
	for path, want := range map[string]int{"invocation/" + id + "/nope": 404, "nope": 404} {
		if status, _, _ := c.do("POST", path, ""); status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
}

// An answer over the limit is 413 for the client and an error for the invoker; the client's report of it is taken.
func TestAnswerOverTheLimit(t *testing.T) {
	r, c := serve(t)
	id, got := invoke(t.Context(), t, r, c)
	status, _, body := c.do("POST", "invocation/"+id+"/response", strings.Repeat("x", functions.MaxPayloadBytes+1))
	if status != 413 || !strings.Contains(body, `"errorType":"RequestEntityTooLarge"`) {
		t.Errorf("%d %s", status, body)
	}
	var fe *functions.FunctionError
	if a := <-got; !errors.As(a.err, &fe) || fe.Type != "Function.ResponseSizeTooLarge" {
		t.Errorf("got %v", a.err)
	}
	if status, _, _ := c.do("POST", "invocation/"+id+"/error", "{}"); status != 202 {
		t.Errorf("report after it: %d", status)
	}
	id, got = invoke(t.Context(), t, r, c)
	if status, _, _ := c.do("POST", "invocation/"+id+"/response", strings.Repeat("x", functions.MaxPayloadBytes)); status != 202 {
		t.Errorf("at the limit: %d", status)
	}
	if a := <-got; len(a.payload) != functions.MaxPayloadBytes {
		t.Errorf("%d bytes, %v", len(a.payload), a.err)
	}
}

// Asking for the next event without an answer ends the invocation.
func TestNextWithoutAnswer(t *testing.T) {
	r, c := serve(t)
	_, first := invoke(t.Context(), t, r, c)
	ctx, cancel := context.WithCancel(t.Context())
	_, second := invoke(ctx, t, r, c)
	if a := <-first; a.err == nil || !strings.HasPrefix(a.err.Error(), "Runtime.NoResponse") {
		t.Errorf("got %v", a.err)
	}
	cancel()
	if a := <-second; !errors.Is(a.err, context.Canceled) {
		t.Errorf("got %v", a.err)
	}
}

// An error at start is reported once, and ends what waits; after the first event there is no start.
func TestInitError(t *testing.T) {
	r, c := serve(t)
	body := `{"errorMessage":"No module named 'x'","errorType":"Runtime.ImportModuleError","stackTrace":[]}`
	if status, _, _ := c.do("POST", "init/error", body); status != 202 {
		t.Errorf("%d", status)
	}
	if status, _, _ := c.do("POST", "init/error", body); status != 403 {
		t.Errorf("a second one: %d", status)
	}
	var init *functions.InitError
	if err := r.Ready(t.Context()); !errors.As(err, &init) || init.Type != "Runtime.ImportModuleError" {
		t.Errorf("got %v", err)
	}
	if _, err := r.Invoke(t.Context(), Invocation{}); !errors.Is(err, functions.ErrNotTaken) || !errors.As(err, &init) {
		t.Errorf("got %v", err)
	}
	r, c = serve(t)
	invoke(t.Context(), t, r, c)
	if status, _, _ := c.do("POST", "init/error", body); status != 403 {
		t.Errorf("after the first event: %d", status)
	}
}

// A streamed answer may break off with an error in its trailers.
func TestStreamedAnswers(t *testing.T) {
	r, c := serve(t)
	for _, broken := range []bool{false, true} {
		id, got := invoke(t.Context(), t, r, c)
		pr, pw := io.Pipe()
		req, err := http.NewRequestWithContext(t.Context(), "POST", c.base+"invocation/"+id+"/response", pr)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Lambda-Runtime-Function-Response-Mode", "streaming")
		req.Trailer = http.Header{"Lambda-Runtime-Function-Error-Type": nil, "Lambda-Runtime-Function-Error-Body": nil}
		go func() {
			_, _ = io.WriteString(pw, `{"a":`)
			_, _ = io.WriteString(pw, `1}`)
			if broken {
				req.Trailer.Set("Lambda-Runtime-Function-Error-Type", "Broken")
				req.Trailer.Set("Lambda-Runtime-Function-Error-Body", "eyJlcnJvck1lc3NhZ2UiOiJoYWxmIn0=") // {"errorMessage":"half"}
			}
			_ = pw.Close()
		}()
		res, err := c.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		a := <-got
		if res.StatusCode != 202 || broken && (a.err == nil || a.err.Error() != "Broken: half") || !broken && a.payload != `{"a":1}` {
			t.Errorf("%d, got %v", res.StatusCode, a)
		}
	}
}
