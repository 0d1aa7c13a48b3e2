package archive

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
)

// A manifest object is lines of "CRC32C-in-hex JSON".
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// damageError says that an object's bytes are not what was once written.
type damageError struct{ why string }

func (e *damageError) Error() string { return "it is damaged (" + e.why + ")" }

var errEnough = errors.New("enough lines read")

func putLines[T any](ctx context.Context, objects Objects, name string, lines ...T) error {
	err := objects.Put(ctx, name, func(w io.Writer) error {
		for _, line := range lines {
			b, err := json.Marshal(line)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(w, "%08x %s\n", crc32.Checksum(b, castagnoli), b); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// getLines calls fn with the JSON of every line of an object, until fn returns
// errEnough. An object without a line is damaged.
func getLines(ctx context.Context, objects Objects, name string, fn func(line []byte) error) error {
	o, err := objects.Open(ctx, name)
	if err != nil {
		return err
	}
	defer o.Close()
	r := bufio.NewReader(o)
	for lines := 0; ; lines++ {
		b, err := r.ReadBytes('\n')
		if err == io.EOF && len(b) == 0 && lines > 0 {
			return nil
		}
		if err == io.EOF {
			return &damageError{"it ends within a line"}
		}
		if err != nil {
			return err
		}
		var sum uint32
		if len(b) < 10 || b[8] != ' ' {
			return &damageError{"a line without a checksum"}
		}
		if n, err := strconv.ParseUint(string(b[:8]), 16, 32); err == nil {
			sum = uint32(n)
		}
		line := b[9 : len(b)-1]
		if crc32.Checksum(line, castagnoli) != sum {
			return &damageError{"a checksum does not fit"}
		}
		switch err := fn(line); err {
		case nil:
		case errEnough:
			return nil
		default:
			return err
		}
	}
}
