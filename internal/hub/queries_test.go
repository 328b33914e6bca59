package hub_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/weirhub/weir/internal/config"
	"github.com/weirhub/weir/internal/hub"
)

// A query is one pipeline. A second INSERT in its text would never run, so it is refused at its place.
func TestSecondInsertOfAQueryIsRefused(t *testing.T) {
	text := `version: 1
topics: {a: {columns: {n: INT}}, b: {columns: {n: INT}}}
queries:
  q: |
    CREATE VIEW v AS SELECT n FROM a;
    INSERT INTO b SELECT n FROM v WHERE n > 1;
    INSERT INTO b SELECT n FROM v WHERE n < 1
`
	_, err := hub.Open(t.Context(), options(newDir(t, "weir.yaml", text).load()))
	var es config.Errors
	if !errors.As(err, &es) || len(es) != 1 {
		t.Fatalf("Open: %v, want one mistake", err)
	}
	if got, want := fmt.Sprintf("%d:%d %s", es[0].Line, es[0].Col, es[0].Msg), "7:5 queries.q has a second INSERT"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
