package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// click is one event of the benchmarks, as encoding/json and parquet-go take it.
type click struct {
	EventID    string   `json:"event_id" parquet:"event_id"`
	TS         string   `json:"ts" parquet:"-"`
	Millis     int64    `json:"-" parquet:"ts,timestamp(millisecond)"`
	UserID     int64    `json:"user_id" parquet:"user_id"`
	Type       string   `json:"type" parquet:"type,dict"`
	URL        string   `json:"url" parquet:"url,dict"`
	Referrer   *string  `json:"referrer" parquet:"referrer,optional,dict"`
	Amount     *float64 `json:"amount" parquet:"amount,optional"`
	Geo        geo      `json:"geo" parquet:"geo"`
	OS         string   `json:"os" parquet:"os,dict"`
	DurationMs int32    `json:"duration_ms" parquet:"duration_ms"`
	Mobile     bool     `json:"mobile" parquet:"mobile"`
}

type geo struct {
	Country string  `json:"country" parquet:"country,dict"`
	City    string  `json:"city" parquet:"city,dict"`
	Lat     float64 `json:"lat" parquet:"lat"`
	Lon     float64 `json:"lon" parquet:"lon"`
}

// The values that the events draw from.
var (
	places = [][2]string{
		{"DE", "Berlin"},
		{"US", "New York"},
		{"FR", "Paris"},
		{"BR", "Sao Paulo"},
		{"IN", "Mumbai"},
		{"JP", "Tokyo"},
		{"GB", "London"},
		{"PL", "Warsaw"},
		{"ES", "Madrid"},
		{"NG", "Lagos"},
	}
	kinds     = []string{"page_view", "click", "add_to_cart", "purchase", "search", "scroll"}
	systems   = []string{"ios", "android", "windows", "macos", "linux"}
	referrers = []string{"https://search.example/", "https://news.example/a", "https://mail.example/"}
)

// clicks makes n events as JSON texts of about 265 bytes, always the same: a nested object, a member that is null in half
// of them and one that three of four lack; 20,000 pages in a hundred versions; times up to two minutes out of order.
func clicks(n int) [][]byte {
	r := rand.New(rand.NewPCG(1, 7))
	base := time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)
	out := make([][]byte, n)
	for i := range out {
		at := base.Add(time.Duration(i)*35*time.Millisecond - time.Duration(r.IntN(120_000))*time.Millisecond)
		place := places[r.IntN(len(places))]
		b := fmt.Appendf(make([]byte, 0, 300), `{"event_id":"%08x-%08x","ts":"%s","user_id":%d,"type":"%s","url":"/p/%d?v=%d","referrer":`,
			i, r.Uint32(), at.Format("2006-01-02T15:04:05.000Z"), r.IntN(1_000_000), kinds[r.IntN(len(kinds))], r.IntN(20_000), r.IntN(100))
		if r.IntN(2) == 0 {
			b = append(b, "null"...)
		} else {
			b = strconv.AppendQuote(b, referrers[r.IntN(len(referrers))])
		}
		if r.IntN(4) == 0 {
			b = fmt.Appendf(b, `,"amount":%.2f`, float64(r.IntN(100_000))/100)
		}
		out[i] = fmt.Appendf(b, `,"geo":{"country":"%s","city":"%s","lat":%.3f,"lon":%.3f},"os":"%s","duration_ms":%d,"mobile":%t}`,
			place[0], place[1], float64(r.IntN(180_000)-90_000)/1000, float64(r.IntN(360_000)-180_000)/1000,
			systems[r.IntN(len(systems))], r.IntN(60_000), r.IntN(2) == 0)
	}
	return out
}
