package demo

import (
	"math/rand/v2"
	"sort"
	"time"
)

// busy is how much goes on in a shop in each hour of the day.
var busy = [24]float64{14, 7, 4, 3, 3, 5, 12, 24, 36, 44, 50, 52, 54, 50, 48, 48, 50, 54, 62, 76, 92, 90, 62, 32}

const minutes = 24 * 60

// curve is the distribution of time over the 24 hours up to some time of day:
// its entry i is the share of what happens in the first i minutes.
type curve [minutes + 1]float64

func newCurve(end time.Time) *curve {
	c := new(curve)
	for i := range minutes {
		at := end.Add(time.Duration(i-minutes) * time.Minute)
		hour, part := at.Hour(), float64(at.Minute())/60
		c[i+1] = c[i] + busy[hour]*(1-part) + busy[(hour+1)%24]*part
	}
	for i, sum := range c {
		c[i] = sum / c[minutes]
	}
	return c
}

// draw is a random time after the beginning of the 24 hours.
func (c *curve) draw(r *rand.Rand) time.Duration {
	u := r.Float64()
	i := sort.Search(minutes, func(i int) bool { return c[i+1] > u })
	part := (u - c[i]) / (c[i+1] - c[i])
	return time.Duration((float64(i) + part) * float64(time.Minute)).Truncate(time.Millisecond)
}
