package process

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/weirhub/weir/functions"
	"github.com/weirhub/weir/functions/functest"
)

func testingContext() context.Context { return context.Background() }

// kafkaEvent is aws-lambda-go's, but for the records: its own cannot return a null key or header as it came.
type kafkaEvent struct {
	events.KafkaEvent
	Records map[string][]json.RawMessage `json:"records"`
}

// goKeep is the function that functest asks for, and a slow one, as a Lambda user writes it in Go.
func goKeep(event kafkaEvent) (any, error) {
	if len(event.Records) == 0 {
		time.Sleep(10 * time.Minute)
	}
	kept := []json.RawMessage{}
	for _, recs := range event.Records {
		for _, raw := range recs {
			var r struct{ Value []byte }
			var v struct{ N *float64 }
			if err := json.Unmarshal(raw, &r); err != nil {
				return nil, err
			}
			if err := json.Unmarshal(r.Value, &v); err != nil {
				return nil, err
			}
			if v.N != nil && *v.N > 60 {
				kept = append(kept, raw)
			}
		}
	}
	return map[string]any{"records": kept}, nil
}

// A Go program with aws-lambda-go behaves as every function does: the Runtime API serves a client that nobody here wrote.
func TestConformanceProvided(t *testing.T) {
	code := t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(exe, filepath.Join(code, "bootstrap")); err != nil {
		t.Fatal(err)
	}
	keep := func(t *testing.T) functions.Handler {
		return open(t, functions.Spec{Runtime: "provided.al2023", Code: code, Concurrency: 3, Timeout: time.Minute}, Options{})
	}
	functest.Run(t, functest.Runtime{Keep: keep, Slow: keep})
}
