package queuetest

import (
	"testing"

	"footfall/queue"
)

func TestMemory(t *testing.T) {
	Law(t, func(_ *testing.T, dir string) queue.Queue { return OpenMemory(dir, Visibility) })
}
