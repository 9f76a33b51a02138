//go:build unix

// Package filelock locks files and folders against other processes.
package filelock

import (
	"errors"
	"os"
	"syscall"
)

// Try takes an advisory lock of a file or folder. ok is false if it is locked already.
// The system releases the lock when the process ends.
func Try(path string) (release func() error, ok bool, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, false, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = nil
		}
		return nil, false, errors.Join(err, file.Close())
	}
	return file.Close, true, nil
}
