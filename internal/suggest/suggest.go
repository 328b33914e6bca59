// Package suggest finds the name that a user probably meant.
//
// It owns: the distance between two words and the choice of the nearest. It does not own: any list of names; callers
// (SQL's binder, the configuration file) bring theirs.
//
// Invariants:
//  1. The answer depends on the set of candidates, not on their order: ties go to the first in byte order.
//  2. A word of which most letters would have to change is not suggested.
package suggest

import "strings"

// maxWord bounds the quadratic distance: longer words are not typing mistakes of each other.
const maxWord = 64

// Nearest gives the candidate that is nearest to word, ignoring case, and false when none is near.
func Nearest(word string, candidates []string) (string, bool) {
	best, bestDistance := "", limit(word)+1
	lower := strings.ToLower(word)
	for _, c := range candidates {
		d := Distance(lower, strings.ToLower(c))
		if d < bestDistance || d == bestDistance && best != "" && c < best {
			best, bestDistance = c, d
		}
	}
	return best, best != ""
}

// limit is how many edits still make a mistake of a word: none in a letter, one in a short word, a third of a long one.
func limit(word string) int {
	n := len([]rune(word))
	switch {
	case n <= 1:
		return 0
	case n <= 4:
		return 1
	default:
		return max(2, n/3)
	}
}

// Distance counts the insertions, deletions, replacements and swaps of neighbours (optimal string alignment) that make
// b of a. Words over 64 letters are as far apart as they are long, unless equal.
func Distance(a, b string) int {
	if a == b {
		return 0
	}
	x, y := []rune(a), []rune(b)
	if len(x) > maxWord || len(y) > maxWord {
		return max(len(x), len(y))
	}
	var rows [3][maxWord + 1]int
	before, last, now := rows[0][:], rows[1][:], rows[2][:]
	for j := range len(y) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		now[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		before, last, now = last, now, before
	}
	return last[len(y)]
}
