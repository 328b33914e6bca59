// Package vec is the column form in which SQL's kernels work: plain slices and a bitmap of valid rows.
//
// Owns: Vec, its way in from Arrow (FromArrow, with or without a selection) and out to Arrow (Take, zero copy), and the
// calling convention of kernels (Ctx, Kernel). Does not own: what a kernel computes (sql/funcs, sql/expr).
//
// Reading order: Vec (vec.go), bitmaps (bits.go), FromArrow and Take (arrow.go).
//
// Invariants:
//  1. Exactly the slice that the type's Phys names is in use, with Len entries; texts have Len+1 offsets.
//  2. Valid is nil (no NULLs) or holds at least Len bits; bits behind Len mean nothing. The value of a NULL row is
//     unspecified but present, so that kernels run over all rows without looking.
//  3. A constant (Const) is written out to Len rows: kernels need no second form for it, and only those that prepare a
//     pattern look at the flag.
//  4. A Vec that came from Arrow borrows the array's memory; a kernel never writes into its arguments.
package vec
