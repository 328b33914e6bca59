package main

import (
	"context"
	"errors"
)

func runKafka(context.Context, *bench) (report, error) { return report{}, errors.New("x") }
