package affiliate

import (
	"fmt"
	"testing"
	"time"

	"footfall/ledger"
)

// BenchmarkDecide decides on an order with 1,000 touches, a third of them
// outside the window.
func BenchmarkDecide(b *testing.B) {
	var touches []ledger.Touch
	for i := range 1000 {
		touches = append(touches, touched(fmt.Sprintf("t%04d", i*7919%1000), "ABP"[i%3:i%3+1], time.Duration(i)*65*time.Minute))
	}
	q := couponed(asked(touches...), "P15")
	b.ReportAllocs()
	for b.Loop() {
		if d := Decide(q); d.Rule != RuleLast || len(d.Explain) != 1001 {
			b.Fatal(told(d))
		}
	}
}
