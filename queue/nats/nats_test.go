package nats

import (
	"testing"

	"footfall/queue"
	"footfall/queue/queuetest"
)

func TestLaw(t *testing.T) {
	queuetest.Law(t, func(t *testing.T, dir string) queue.Queue {
		q, err := Open(Options{Dir: dir, Visibility: queuetest.Visibility})
		if err != nil {
			t.Fatal(err)
		}
		return q
	})
}
