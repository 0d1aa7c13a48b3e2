package nats

import (
	"bytes"
	"encoding/binary"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A record in a block of the embedded server starts with its length, of which
// the highest bit says that headers follow, and has at least a head of 22
// bytes and a checksum of 8.
const (
	headerBit   = 1 << 31
	leastRecord = 30
)

// cutZeros removes the zeros behind the last record of every stream's newest
// block. A file system that lost the content of a write but kept the file's new
// length leaves them, and the embedded server, which mends other bad tails,
// would forget the whole stream.
func cutZeros(dir string, log *slog.Logger) error {
	streams, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", "*", "msgs"))
	if err != nil {
		return err
	}
	for _, msgs := range streams {
		path, newest := "", -1
		blocks, err := filepath.Glob(filepath.Join(msgs, "*.blk"))
		if err != nil {
			return err
		}
		for _, b := range blocks {
			if n, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(b), ".blk")); err == nil && n > newest {
				path, newest = b, n
			}
		}
		if path == "" {
			continue
		}
		if err := cutZerosOf(path, log); err != nil {
			return err
		}
	}
	return nil
}

func cutZerosOf(path string, log *slog.Logger) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	end := 0
	for len(b)-end >= leastRecord {
		n := int(binary.LittleEndian.Uint32(b[end:]) &^ headerBit)
		if n < leastRecord || n > len(b)-end {
			break
		}
		end += n
	}
	zeros := len(b) - end
	if zeros == 0 || len(bytes.Trim(b[end:], "\x00")) > 0 {
		return nil
	}
	log.Warn("the queue's newest block ended in zeros, which were never acknowledged and are cut off", "bytes", zeros)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(int64(end)), f.Sync(), f.Close())
}
