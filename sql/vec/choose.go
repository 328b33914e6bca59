package vec

// Choose fills o, which has its type and length, with row i of from[pick[i]] for each i: the branches of a CASE brought
// together. All columns have o's type and length.
func (v *Vec) Choose(pick []uint8, from []*Vec) {
	switch PhysOf(v.T) {
	case PBool:
		choose(v.Bool, pick, from, func(f *Vec) []bool { return f.Bool })
	case PI8:
		choose(v.I8, pick, from, func(f *Vec) []int8 { return f.I8 })
	case PI16:
		choose(v.I16, pick, from, func(f *Vec) []int16 { return f.I16 })
	case PI32:
		choose(v.I32, pick, from, func(f *Vec) []int32 { return f.I32 })
	case PI64:
		choose(v.I64, pick, from, func(f *Vec) []int64 { return f.I64 })
	case PF32:
		choose(v.F32, pick, from, func(f *Vec) []float32 { return f.F32 })
	case PF64:
		choose(v.F64, pick, from, func(f *Vec) []float64 { return f.F64 })
	case PDec:
		for i, p := range pick {
			v.Dec[i] = from[p].Dec[i]
		}
	case PStr:
		for i, p := range pick {
			if from[p].Null(i) {
				v.End()
				continue
			}
			v.Append(from[p].Str(i))
		}
	}
	for _, f := range from {
		if f.Valid != nil {
			v.chooseValid(pick, from)
			return
		}
	}
}

func choose[T any](out []T, pick []uint8, from []*Vec, get func(*Vec) []T) {
	if len(from) == 2 { // IF, GREATEST and most CASEs
		a, b := get(from[0])[:len(out)], get(from[1])[:len(out)]
		for i := range out {
			x := a[i]
			if pick[i] != 0 {
				x = b[i]
			}
			out[i] = x
		}
		return
	}
	slices := make([][]T, len(from))
	for k, f := range from {
		slices[k] = get(f)
	}
	for i := range out {
		out[i] = slices[pick[i]][i]
	}
}

func (v *Vec) chooseValid(pick []uint8, from []*Vec) {
	for i, p := range pick {
		if from[p].Null(i) {
			v.SetNull(i)
		}
	}
}

// Gather fills v, which has its type and length, with row rows[k] of from[side[k]] for each k.
func (v *Vec) Gather(rows []int32, side []uint8, from []*Vec) {
	for k, r := range rows {
		f, i := from[side[k]], int(r)
		switch PhysOf(v.T) {
		case PBool:
			v.Bool[k] = f.Bool[i]
		case PF32:
			v.F32[k] = f.F32[i]
		case PF64:
			v.F64[k] = f.F64[i]
		case PDec:
			v.Dec[k] = f.Dec[i]
		case PStr:
			v.Append(f.Str(i))
		default:
			v.SetInt(k, f.Int(i))
		}
		if f.Null(i) {
			v.SetNull(k)
		}
	}
}
