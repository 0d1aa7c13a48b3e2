package api

import (
	"bufio"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// processor is the processor time that this process has used.
func processor(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// inUse is the memory that goroutines and the heap take.
func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// TestThousandStreams: a thousand listen to one question over real connections. It
// is asked once a second while something comes, and not at all while nothing does.
// What the listening side takes is in the figures, too.
func TestThousandStreams(t *testing.T) {
	const streams = 1000
	w := newLive(t, Streams{PerToken: streams})
	before := inUse()
	var told atomic.Int64
	for range streams {
		c, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if _, err := io.WriteString(c, "GET /v1/live?metric=Visitors@Last5Minutes,PageViews@Today&site=a-example HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+w.tokens["read"]+"\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		go hear(c, &told)
	}
	all := func(n int64) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); told.Load() < n; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d events came, want %d", told.Load(), n)
			}
		}
	}
	all(streams)
	memory := (inUse() - before) / streams
	asked := w.source.asked.Load()
	if asked > 4 {
		t.Errorf("%d askings of two questions for the first figures", asked)
	}

	const idle = 3 * time.Second
	began := processor(t)
	time.Sleep(idle)
	rest := processor(t) - began
	if n := w.source.asked.Load() - asked; n > 0 {
		t.Errorf("asked %d times while nothing came", n)
	}

	asked, began = w.source.asked.Load(), processor(t)
	const busy = 5 * time.Second
	for end := time.Now().Add(busy); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		w.source.value.Add(1)
		w.live.Stored("a-example")
	}
	work := processor(t) - began
	if n := w.source.asked.Load() - asked; n < 6 || n > 12 {
		t.Errorf("two questions were asked %d times in %v", n, busy)
	}
	all(5 * streams)
	t.Logf("%d streams: %d bytes each with the listening side, %.2f %% of a processor idle, %.1f %% while all are told each second",
		streams, memory, 100*rest.Seconds()/idle.Seconds(), 100*work.Seconds()/busy.Seconds())
}

// hear counts events.
func hear(c net.Conn, told *atomic.Int64) {
	r := bufio.NewReaderSize(c, 1024)
	for {
		line, err := r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
		if strings.HasPrefix(string(line), "id: ") {
			told.Add(1)
		}
	}
}
