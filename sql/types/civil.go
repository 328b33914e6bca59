package types

// Days and times of the proleptic Gregorian calendar as plain integer arithmetic: no time.Time, no zone, any year.

// MillisPerDay is the length of a day: SQL's days have no leap seconds.
const MillisPerDay = 86_400_000

// DaysOf is the number of days from 1970-01-01 to a date. Months and days outside their range carry over.
func DaysOf(year, month, day int64) int64 {
	year += FloorDiv(month-1, 12)
	month = FloorMod(month-1, 12) + 1
	if month <= 2 {
		year--
	}
	era := FloorDiv(year, 400)
	yoe := year - era*400
	mp := (month + 9) % 12 // March is 0, so that the leap day ends the year
	doy := (153*mp + 2) / 5
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy + day - 1 - 719468
}

// CivilOf is the date of a day number.
func CivilOf(days int64) (year, month, day int64) {
	z := days + 719468
	era := FloorDiv(z, 146097)
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day = doy - (153*mp+2)/5 + 1
	month = mp + 3
	if month > 12 {
		month -= 12
	}
	year = yoe + era*400
	if month <= 2 {
		year++
	}
	return year, month, day
}

// DaysInMonth is 28 to 31.
func DaysInMonth(year, month int64) int64 { return DaysOf(year, month+1, 1) - DaysOf(year, month, 1) }

// AddMonths moves a date by months; the day is cut to the length of the month it lands in.
func AddMonths(days, months int64) int64 {
	y, m, d := CivilOf(days)
	m += months
	y += FloorDiv(m-1, 12)
	m = FloorMod(m-1, 12) + 1
	return DaysOf(y, m, min(d, DaysInMonth(y, m)))
}

// FloorDiv is the quotient rounded down, for positive b.
func FloorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// FloorMod is a - FloorDiv(a, b) * b: never negative for positive b.
func FloorMod(a, b int64) int64 {
	m := a % b
	if m < 0 {
		m += b
	}
	return m
}
