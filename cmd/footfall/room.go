package main

import (
	"context"
	"syscall"
	"time"
)

const (
	// leastRoom is how much of a disk has to be free for a queue that found it full to go on.
	leastRoom = 16 << 20
	// roomLook is how often a queue that refuses events is looked at.
	roomLook = 2 * time.Second
	// longRefused is after how long the disk is taken to have been full though nobody saw it,
	// as when something filled it for a moment.
	longRefused = 30 * time.Second
	// settled is after how long a server that started may start anew: where the disk fills
	// again and again, it is not to do nothing else.
	settled = 10 * time.Second
)

// watchRoom asks for a restart when the disk has room again that was full when the queue
// began to refuse events: a log that could not be written stays so until it is opened
// anew. Nothing is lost by a restart, and connections wait.
func (h *house) watchRoom(ctx context.Context, restart chan<- struct{}) {
	look := time.NewTicker(roomLook)
	defer look.Stop()
	var seen roomSeen
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		if seen.restarts(time.Now(), began, h.queue.Refusing(), h.room()) {
			h.log.Warn("the queue refuses events, as its disk was full, and there is room again: the server starts anew")
			select {
			case restart <- struct{}{}:
			default: // somebody has asked for it
			}
			return
		}
	}
}

// roomSeen is what was seen of a disk.
type roomSeen struct {
	full bool // since the queue took events
}

// restarts tells from another look, with the room in bytes, whether a server that began
// some time ago is to start anew. Refusing is since when its queue refuses events; zero if
// it takes them.
func (s *roomSeen) restarts(now, began, refusing time.Time, room uint64) bool {
	refuses := !refusing.IsZero()
	switch {
	case room < leastRoom:
		s.full = true
		return false
	case !refuses:
		s.full = false
		return false
	}
	return now.Sub(began) >= settled && (s.full || now.Sub(refusing) >= longRefused)
}

// room is how many bytes are free where the data is; 0 where that can't be told.
func (h *house) room() uint64 {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(h.c.values["data"], &disk); err != nil {
		return 0
	}
	return disk.Bavail * uint64(disk.Bsize)
}
