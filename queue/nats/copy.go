package nats

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"footfall/event"
)

// A copy of the queue is lines of JSON: a copyHead, then messages, stream by
// stream and in order. docs/format/backup.md describes it.
type copyHead struct {
	Format  int               `json:"format"`
	Epochs  epochs            `json:"epochs"`
	Dropped map[string]uint64 `json:"dropped"` // of what was set aside, as in aside.json
	Refused uint64            `json:"refused"`
	Streams []copiedStream    `json:"streams"`
}

// copiedStream says which sequences of a stream are in a copy.
type copiedStream struct {
	Name  string `json:"name"`
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// copiedMessage is one message.
type copiedMessage struct {
	Stream  string `json:"stream"`
	Seq     uint64 `json:"seq"`
	Subject string `json:"subject"`
	ID      string `json:"id,omitempty"` // by which what is set aside again is known
	Data    []byte `json:"data"`
}

const copyFormat = 1

// Copied is what a copy has.
type Copied struct {
	Last     event.Position // the newest message of the log
	Messages int            // of the log
}

// Copy writes what a queue needs whose readers go on behind positions, the lowest
// of which is after: the messages from there on, also the one at after, and
// everything that is set aside. What was redriven to a reader whose sink is made
// anew is left out: it has these events from elsewhere. Nothing must be redriven or
// dropped meanwhile. A zero position has all that is kept.
func (q *Queue) Copy(ctx context.Context, w io.Writer, after event.Position, anew ...string) (Copied, error) {
	var c Copied
	if err := q.aside.doors.flush(ctx); err != nil {
		return c, fmt.Errorf("queue: copy: %w", err)
	}
	c.Last = q.Last() // what is answered lies before
	head, err := q.copyHead(ctx, after, c.Last)
	if err != nil {
		return c, fmt.Errorf("queue: copy: %w", err)
	}
	out := bufio.NewWriterSize(w, 1<<18)
	lines := json.NewEncoder(out)
	if err := lines.Encode(head); err != nil {
		return c, err
	}
	for i, stream := range []jetstream.Stream{q.stream, q.aside.stream, q.aside.doors.stream} {
		n, err := copyStream(ctx, lines, stream, head.Streams[i], anew)
		if err != nil {
			return c, fmt.Errorf("queue: copy of %s: %w", head.Streams[i].Name, err)
		}
		if i == 0 {
			c.Messages = n
		}
	}
	return c, out.Flush()
}

// copyHead looks where the streams end now; the log's end is last.
func (q *Queue) copyHead(ctx context.Context, after, last event.Position) (copyHead, error) {
	books := q.aside.books()
	head := copyHead{Format: copyFormat, Dropped: books.Dropped, Refused: books.Refused}
	if books.Moving != nil {
		return head, errors.New("what is being redriven or dropped has not ended; try again in a while")
	}
	q.mu.Lock()
	head.Epochs = append(epochs{}, q.epochs...)
	from := q.epochs.resume(after)
	q.mu.Unlock()
	for _, s := range []struct {
		name     string
		stream   jetstream.Stream
		from, to uint64
	}{{streamName, q.stream, from, last.Seq}, {asideName, q.aside.stream, 0, math.MaxUint64}, {refusedName, q.aside.doors.stream, 0, math.MaxUint64}} {
		info, err := s.stream.Info(ctx)
		if err != nil {
			return head, err
		}
		end, first := min(s.to, info.State.LastSeq), max(s.from, info.State.FirstSeq)
		if info.State.Msgs == 0 || first > end {
			first = end + 1
		}
		head.Streams = append(head.Streams, copiedStream{s.name, first, end})
	}
	return head, nil
}

// copyStream writes a stream's messages. Of those that are gone meanwhile,
// because they were too old or made room, there is nothing to write.
func copyStream(ctx context.Context, lines *json.Encoder, stream jetstream.Stream, s copiedStream, anew []string) (n int, err error) {
	for seq := s.First; seq <= s.Last; seq++ {
		msg, err := stream.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(">"))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if seq = msg.Sequence; seq > s.Last {
			return n, nil
		}
		if to, redriven := strings.CutPrefix(msg.Subject, redriveTo); redriven && slices.Contains(anew, to) {
			continue
		}
		if err := lines.Encode(copiedMessage{s.Name, seq, msg.Subject, msg.Header.Get(nats.MsgIdHdr), msg.Data}); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// Restore makes a queue's directory out of a copy. Messages of the log keep their
// sequences, which positions name; what is set aside gets the last ones that its
// stream had.
func Restore(ctx context.Context, dir string, r io.Reader) error {
	if err := restore(ctx, dir, r); err != nil {
		return fmt.Errorf("queue: restoring into %s: %w", dir, err)
	}
	return nil
}

func restore(ctx context.Context, dir string, r io.Reader) error {
	lines := json.NewDecoder(bufio.NewReaderSize(r, 1<<18))
	var head copyHead
	if err := lines.Decode(&head); err != nil {
		return err
	}
	if head.Format != copyFormat {
		return fmt.Errorf("the copy is of format %d, this footfall knows %d: use a newer footfall", head.Format, copyFormat)
	}
	q := &Queue{o: Options{Dir: dir}.withDefaults()}
	if err := os.MkdirAll(filepath.Join(dir, "readers"), 0o700); err != nil {
		return err
	}
	if err := writeJSON(q.epochsPath(), head.Epochs); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(dir, "aside.json"), asideBooks{Dropped: head.Dropped, Refused: head.Refused}); err != nil {
		return err
	}
	defer q.shutdown()
	err := q.serve(false)
	if err == nil {
		err = q.makeStreams(ctx)
	}
	if err == nil {
		err = q.restoreStreams(ctx, head, lines)
	}
	if err != nil {
		return err
	}
	q.shutdown()
	return syncTree(dir) // the server did not for each message
}

// nobody is whom messages are for that only take up a sequence.
const nobody = "nobody"

// restoreStreams publishes the messages anew, each with the sequence it had.
func (q *Queue) restoreStreams(ctx context.Context, head copyHead, lines *json.Decoder) error {
	fillers := map[string]string{streamName: redriveTo + nobody, asideName: asideSubject + nobody, refusedName: refusedSubject + nobody}
	streams := map[string]jetstream.Stream{streamName: q.stream, asideName: q.aside.stream, refusedName: q.aside.doors.stream}
	next := map[string]uint64{}
	for _, s := range head.Streams {
		if streams[s.Name] == nil {
			return fmt.Errorf("the copy has a stream %q, which this footfall does not know: use a newer footfall", s.Name)
		}
		if next[s.Name] = max(s.First, 1); s.First > 1 {
			if err := streams[s.Name].Purge(ctx, jetstream.WithPurgeSequence(s.First)); err != nil { // there is nothing yet: it begins there
				return err
			}
		}
	}
	put := func(m copiedMessage) error {
		for ; next[m.Stream] < m.Seq; next[m.Stream]++ {
			if err := q.put(ctx, copiedMessage{Seq: next[m.Stream], Subject: fillers[m.Stream]}); err != nil {
				return err
			}
		}
		next[m.Stream]++
		return q.put(ctx, m)
	}
	for lines.More() {
		var m copiedMessage
		if err := lines.Decode(&m); err != nil {
			return err
		}
		if err := put(m); err != nil {
			return err
		}
	}
	for _, s := range head.Streams {
		if next[s.Name] <= s.Last {
			if err := put(copiedMessage{Stream: s.Name, Seq: s.Last, Subject: fillers[s.Name]}); err != nil {
				return err
			}
		}
		if err := streams[s.Name].Purge(ctx, jetstream.WithPurgeSubject(fillers[s.Name])); err != nil {
			return err
		}
	}
	return nil
}

// put publishes a message, which must get the sequence it had.
func (q *Queue) put(ctx context.Context, m copiedMessage) error {
	msg := &nats.Msg{Subject: m.Subject, Data: m.Data, Header: nats.Header{}}
	if m.ID != "" {
		msg.Header.Set(nats.MsgIdHdr, m.ID)
	}
	ack, err := q.js.PublishMsg(ctx, msg)
	if err == nil && ack.Duplicate { // the one before with this id was more than an hour older
		delete(msg.Header, nats.MsgIdHdr)
		ack, err = q.js.PublishMsg(ctx, msg)
	}
	if err == nil && ack.Sequence != m.Seq {
		err = fmt.Errorf("it got the sequence %d", ack.Sequence)
	}
	if err != nil {
		return fmt.Errorf("message %d of %s: %w", m.Seq, m.Subject, err)
	}
	return nil
}

// syncTree puts all files below a folder on disk.
func syncTree(root string) error {
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() && !e.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}
