package main

import (
	"bufio"
	"bytes"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/certuse/cloudflare-mtls/api"
)

// spoolInMemory is about 60,000 certificates. A longer list goes to a temporary
// file, so that memory does not grow with it.
const spoolInMemory = 4 << 20

// spool keeps checked certificates until they are asked about.
type spool struct {
	memory bytes.Buffer
	file   *os.File
	writer *bufio.Writer
	limit  int
}

func newSpool() *spool { return &spool{limit: spoolInMemory} }

func (s *spool) write(ref api.CertificateRef) error {
	line := ref.AccountID + "/" + ref.ID + "\n"
	if s.writer == nil && s.memory.Len()+len(line) > s.limit {
		if err := s.toFile(); err != nil {
			return failuref("cannot keep a long list in a temporary file: %w; TMPDIR says where it goes", err)
		}
	}
	if s.writer == nil {
		s.memory.WriteString(line)
		return nil
	}
	if _, err := s.writer.WriteString(line); err != nil {
		return failuref("cannot keep a long list in a temporary file: %w", err)
	}
	return nil
}

func (s *spool) toFile() (err error) {
	if s.file, err = os.CreateTemp("", "certuse-*"); err != nil {
		return err
	}
	// Where the system allows it the name goes at once, so that nothing is left
	// behind even by a kill; close removes it elsewhere.
	_ = os.Remove(s.file.Name())
	s.writer = bufio.NewWriter(s.file)
	_, err = s.memory.WriteTo(s.writer)
	s.memory = bytes.Buffer{}
	return err
}

// all gives the certificates in the order written. The second function reports,
// once the sequence has ended, whether reading them back failed.
func (s *spool) all() (iter.Seq[api.CertificateRef], func() error) {
	var failed error
	seq := func(yield func(api.CertificateRef) bool) {
		source, err := s.reader()
		if err != nil {
			failed = err
			return
		}
		lines := bufio.NewScanner(source)
		for lines.Scan() {
			account, id, _ := strings.Cut(lines.Text(), "/")
			if !yield(api.CertificateRef{AccountID: account, ID: id}) {
				return
			}
		}
		failed = lines.Err()
	}
	return seq, func() error { return failed }
}

func (s *spool) reader() (io.Reader, error) {
	if s.file == nil {
		return bytes.NewReader(s.memory.Bytes()), nil
	}
	if err := s.writer.Flush(); err != nil {
		return nil, err
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return s.file, nil
}

func (s *spool) close() {
	if s.file != nil {
		_ = s.file.Close()
		_ = os.Remove(s.file.Name())
	}
}
