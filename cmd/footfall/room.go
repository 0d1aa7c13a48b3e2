package main

import (
	"context"
	"syscall"
	"time"
)

// leastRoom is how much of a disk has to be free for a queue that found it full to go on.
const leastRoom = 16 << 20

// roomLook is how often a queue that refuses events is looked at.
const roomLook = 2 * time.Second

// watchRoom asks for a restart when the disk has room again that was full when the queue
// began to refuse events: a log that could not be written stays so until it is opened
// anew. Nothing is lost by a restart, and connections wait.
func (h *house) watchRoom(ctx context.Context, restart chan<- struct{}) {
	look := time.NewTicker(roomLook)
	defer look.Stop()
	full := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		room := h.room()
		switch refuses := !h.queue.Refusing().IsZero(); {
		case refuses && full && room >= leastRoom:
			h.log.Warn("the queue refuses events, as its disk was full, and there is room again: the server starts anew")
			select {
			case restart <- struct{}{}:
			default: // somebody has asked for it
			}
			return
		case !refuses && room >= leastRoom:
			full = false
		case room < leastRoom:
			full = true
		}
	}
}

// room is how many bytes are free where the data is; 0 where that can't be told.
func (h *house) room() uint64 {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(h.c.values["data"], &disk); err != nil {
		return 0
	}
	return disk.Bavail * uint64(disk.Bsize)
}
