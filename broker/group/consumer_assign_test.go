package group

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func topicOf(n byte, partitions int32, members ...string) *subscribed {
	return &subscribed{TopicInfo: TopicInfo{Name: fmt.Sprint(n), ID: [16]byte{n}, Partitions: partitions}, members: members}
}

func counts(out map[string]partitions, ids ...string) (n []int) {
	for _, id := range ids {
		n = append(n, len(out[id]))
	}
	return n
}

// Range cuts each topic into runs, and the first consumers get one more.
func TestRangeCutsTopicsIntoRuns(t *testing.T) {
	out := assignByRange([]*subscribed{topicOf(1, 7, "a", "b", "c"), topicOf(2, 2, "a", "b", "c")})
	want := map[string]partitions{
		"a": {{[16]byte{1}, 0}: 0, {[16]byte{1}, 1}: 0, {[16]byte{1}, 2}: 0, {[16]byte{2}, 0}: 0},
		"b": {{[16]byte{1}, 3}: 0, {[16]byte{1}, 4}: 0, {[16]byte{2}, 1}: 0},
		"c": {{[16]byte{1}, 5}: 0, {[16]byte{1}, 6}: 0},
	}
	for id, p := range want {
		if !out[id].equal(p) {
			t.Errorf("%s has %v, want %v", id, out[id], p)
		}
	}
}

// A consumer that comes gets its share, and nothing else moves: of 12 partitions of three, one moves from each.
func TestUniformMovesAsFewAsItCan(t *testing.T) {
	three := assignUniformly([]*subscribed{topicOf(1, 12, "a", "b", "c")}, nil)
	if n := counts(three, "a", "b", "c"); n[0] != 4 || n[1] != 4 || n[2] != 4 {
		t.Fatalf("counts %v, want 4 each", n)
	}
	four := assignUniformly([]*subscribed{topicOf(1, 12, "a", "b", "c", "d")}, three)
	if n := counts(four, "a", "b", "c", "d"); n[0] != 3 || n[1] != 3 || n[2] != 3 || n[3] != 3 {
		t.Fatalf("counts %v, want 3 each", n)
	}
	for _, id := range []string{"a", "b", "c"} {
		for s := range four[id] {
			if _, had := three[id][s]; !had {
				t.Errorf("%s got %v, which it had not", id, s)
			}
		}
	}
}

// Whatever they subscribe to, each partition goes to one of its topic's consumers, and no single move would make two
// consumers of a topic more equal.
func TestUniformIsFairForAnySubscription(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		had := map[string]partitions{}
		for range 4 {
			var topics []*subscribed
			total := 0
			for n := range byte(1 + r.IntN(6)) {
				topic := topicOf(n, int32(r.IntN(9)))
				for id := range 6 {
					if r.IntN(3) > 0 {
						topic.members = append(topic.members, fmt.Sprint(id))
					}
				}
				if len(topic.members) > 0 {
					topics = append(topics, topic)
					total += int(topic.Partitions)
				}
			}
			out := assignUniformly(topics, had)
			given := map[slot]string{}
			for id, p := range out {
				for s := range p {
					given[s] = id
				}
			}
			if len(given) != total {
				t.Fatalf("seed %d: %d partitions given, there are %d", seed, len(given), total)
			}
			for _, topic := range topics {
				for n := range topic.Partitions {
					owner := given[slot{topic.ID, n}]
					for _, id := range topic.members {
						if len(out[owner]) > len(out[id])+1 {
							t.Fatalf("seed %d: %s has %d and %s has %d of what either may have", seed, owner, len(out[owner]), id, len(out[id]))
						}
					}
				}
			}
			had = out
		}
	}
}
