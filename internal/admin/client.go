package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// Client asks a hub. The zero HTTP client has no time-out: a followed query has no end.
type Client struct {
	Server string // host:port, or a URL
}

// ErrUnreachable wraps the error of a hub that does not answer.
var ErrUnreachable = errors.New("no hub answers")

func (c Client) url(path string) string {
	base := c.Server
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	return strings.TrimRight(base, "/") + path
}

func (c Client) do(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.url(path), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", c.Server, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var asked *url.Error // names method and path, which are nothing to a person
		if errors.As(err, &asked) {
			err = asked.Err
		}
		return nil, fmt.Errorf("%w at %s: %w", ErrUnreachable, c.Server, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	var e ErrorBody
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxRequestBytes))
	if json.Unmarshal(raw, &e) != nil || e.Error == "" {
		e.Error = fmt.Sprintf("%s: %s", resp.Status, strings.TrimSpace(string(raw)))
	}
	return nil, fmt.Errorf("ask %s for %s: %s", c.Server, path, e.Error)
}

func (c Client) get(ctx context.Context, path string, into any) error {
	resp, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("read answer to %s: %w", path, err)
	}
	return nil
}

// Hub asks where the hub's doors are.
func (c Client) Hub(ctx context.Context) (Hub, error) {
	var h Hub
	return h, c.get(ctx, "/v1/hub", &h)
}

// Status asks for the state of all parts.
func (c Client) Status(ctx context.Context) (Status, error) {
	var s Status
	return s, c.get(ctx, "/v1/status", &s)
}

// SQL runs statements on the hub and gives each line of the answer to emit.
func (c Client) SQL(ctx context.Context, r SQLRequest, emit func(SQLLine) error) error {
	if r.Dir == "" {
		r.Dir, _ = os.Getwd() // without one the hub takes its own
	}
	body, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	resp, err := c.do(ctx, http.MethodPost, "/v1/sql", body)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	dec := json.NewDecoder(resp.Body)
	for {
		var l SQLLine
		if err := dec.Decode(&l); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("read rows: %w", err)
		}
		if err := emit(l); err != nil {
			return err
		}
	}
}
