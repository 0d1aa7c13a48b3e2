package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// TestEveryFileIsCopied: also a kind with nothing to take out is copied before
// its format changes.
func TestEveryFileIsCopied(t *testing.T) {
	path := at(t)
	f := opened(t, path, letters)
	run(t, f.Writer, "INSERT INTO letters VALUES ('kept')")
	f.Close()
	next := letters
	next.Steps = append(next.Steps[:1:1], "DELETE FROM letters")
	opened(t, path, next).Close()
	before := opened(t, path+".v1.bak", letters)
	defer before.Close()
	var text string
	if err := before.Writer.QueryRow("SELECT text FROM letters").Scan(&text); err != nil || text != "kept" {
		t.Errorf("the copy has %q, %v", text, err)
	}
}

// TestNoCopyNoChange: where there is no room for the copy, the format stays.
func TestNoCopyNoChange(t *testing.T) {
	path := at(t)
	opened(t, path, letters).Close()
	if err := os.MkdirAll(filepath.Join(path+".v1.bak", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if f, err := Open(path, with("CREATE TABLE more (a)")); err == nil {
		f.Close()
		t.Fatal("the format was changed without a copy")
	}
	opened(t, path, letters).Close()
}

// TestCopy copies while somebody writes: what is in it is of one moment.
func TestCopy(t *testing.T) {
	path := at(t)
	f := opened(t, path, letters)
	defer f.Close()
	ctx, end := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	writing.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			if _, err := f.Writer.Exec(fmt.Sprintf("INSERT INTO letters VALUES ('one %d'), ('two %[1]d'), ('secret %[1]d')", i)); err != nil {
				t.Error(err)
			}
		}
	})
	for range 5 {
		to := path + ".copy"
		if err := Copy(t.Context(), path, to, with()); err != nil {
			t.Fatal(err)
		}
		for _, beside := range []string{"-wal", "-shm", ".part"} {
			if _, err := os.Stat(to + beside); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s is beside the copy: %v", beside, err)
			}
		}
		copied := opened(t, to, letters)
		var odd, secret int
		err := copied.Writer.QueryRow("SELECT count(*) % 2, sum(text LIKE 'secret%') FROM letters HAVING count(*) > 0").Scan(&odd, &secret)
		if err != nil && odd+secret != 0 || odd+secret != 0 {
			t.Errorf("half a change, or %d secrets, in the copy: %v", secret, err)
		}
		copied.Close()
	}
	end()
	writing.Wait()
	if err := Copy(t.Context(), path+".none", path+".x", letters); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a copy of no file: %v", err)
	}
}
