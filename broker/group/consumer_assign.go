package group

// The assignors that members may ask for.
const (
	assignorUniform = "uniform"
	assignorRange   = "range"
)

func assignorNames() []string { return []string{assignorUniform, assignorRange} }

// subscribed is a topic with the ids of those who consume it, in the order of consumers.sorted.
type subscribed struct {
	TopicInfo
	members []string
}

// retarget computes what each member shall have.
func (g *consumers) retarget() map[string]partitions {
	byName := map[string]*subscribed{}
	for name, t := range g.topics {
		byName[name] = &subscribed{TopicInfo: t}
	}
	for _, m := range g.sorted() {
		for _, name := range g.subscription(m) {
			if t := byName[name]; t != nil {
				t.members = append(t.members, m.id)
			}
		}
	}
	var topics []*subscribed
	for _, name := range sortedKeys(byName) {
		if t := byName[name]; len(t.members) > 0 {
			topics = append(topics, t)
		}
	}
	var out map[string]partitions
	if g.preferred() == assignorRange {
		out = assignByRange(topics)
	} else {
		out = assignUniformly(topics, g.target)
	}
	for id := range g.members {
		if out[id] == nil {
			out[id] = partitions{}
		}
	}
	return out
}

// assignByRange cuts each topic into one run of partitions for each of its consumers; the first get one more when it does
// not come out even. Consumers of topics with as many partitions get the same numbers of each, which joins need.
func assignByRange(topics []*subscribed) map[string]partitions {
	out := map[string]partitions{}
	for _, t := range topics {
		n := int32(len(t.members))
		size, more := t.Partitions/n, t.Partitions%n
		next := int32(0)
		for i, id := range t.members {
			end := next + size
			if int32(i) < more {
				end++
			}
			for ; next < end; next++ {
				give(out, id, slot{t.ID, next})
			}
		}
	}
	return out
}

// assignUniformly gives every consumer as many partitions as the others, within what it subscribes to, and moves as few
// as it can: what a consumer had stays with it, what nobody has goes to who has the least, and then partitions of each
// topic move from who has the most to who has the least while that makes them more equal. Each move lowers the sum of
// the squares of what consumers have, so this ends.
func assignUniformly(topics []*subscribed, had map[string]partitions) map[string]partitions {
	out, free := map[string]partitions{}, make([][]int32, len(topics))
	owned := make([]map[string][]int32, len(topics))
	for i, t := range topics {
		owner := map[int32]string{}
		for _, id := range t.members {
			for s := range had[id] {
				if s.topic == t.ID && s.partition < t.Partitions {
					owner[s.partition] = id
				}
			}
		}
		owned[i] = map[string][]int32{}
		for n := range t.Partitions {
			id, ok := owner[n]
			if !ok {
				free[i] = append(free[i], n)
				continue
			}
			owned[i][id] = append(owned[i][id], n)
			give(out, id, slot{t.ID, n})
		}
	}
	for i, t := range topics {
		for _, n := range free[i] {
			least := least(t.members, out)
			owned[i][least] = append(owned[i][least], n)
			give(out, least, slot{t.ID, n})
		}
	}
	for moved := true; moved; {
		moved = false
		for i, t := range topics {
			for level(t, owned[i], out) {
				moved = true
			}
		}
	}
	return out
}

// level moves one partition of a topic to who has the least, if that is fairer.
func level(t *subscribed, owned map[string][]int32, out map[string]partitions) bool {
	to, from := least(t.members, out), ""
	for _, id := range t.members {
		if len(owned[id]) > 0 && (from == "" || len(out[id]) > len(out[from])) {
			from = id
		}
	}
	if from == "" || len(out[from]) <= len(out[to])+1 {
		return false
	}
	last := len(owned[from]) - 1
	n := owned[from][last]
	owned[from] = owned[from][:last]
	owned[to] = append(owned[to], n)
	delete(out[from], slot{t.ID, n})
	give(out, to, slot{t.ID, n})
	return true
}

// least is the first of those who have the fewest partitions.
func least(members []string, out map[string]partitions) string {
	best := members[0]
	for _, id := range members[1:] {
		if len(out[id]) < len(out[best]) {
			best = id
		}
	}
	return best
}

func give(out map[string]partitions, id string, s slot) {
	if out[id] == nil {
		out[id] = partitions{}
	}
	out[id][s] = 0
}
