package exec

// pane is the groups of one stretch of event time.
type pane struct {
	start int64
	table groupTable
	accs  []acc
	count []int64 // rows of each group; nil where rows are never taken back
}

func (p *pane) group(hash uint64, key []byte) int32 {
	if g := p.table.find(hash, key); g >= 0 {
		return g
	}
	g := p.table.add(hash, key)
	n := p.table.len()
	for _, a := range p.accs {
		a.grow(n)
	}
	if p.count != nil {
		p.count = grown(p.count, n)
	}
	return g
}

// merge takes another pane's groups in.
func (p *pane) merge(o *pane) {
	var gs, fs []int32
	o.table.groups(func(f int32) {
		gs = append(gs, p.group(o.table.hash[f], o.table.key(f)))
		fs = append(fs, f)
	})
	for i, a := range p.accs {
		a.merge(gs, o.accs[i], fs)
	}
	if p.count != nil {
		for k, g := range gs {
			p.count[g] += o.count[fs[k]]
		}
	}
}

// visible is the groups that have rows.
func (p *pane) visible() []int32 {
	gs := make([]int32, 0, p.table.live)
	p.table.groups(func(g int32) {
		if p.count == nil || p.count[g] > 0 {
			gs = append(gs, g)
		}
	})
	return gs
}
