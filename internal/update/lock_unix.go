//go:build unix

package update

import (
	"errors"
	"os"
	"syscall"
)

// lock takes an advisory lock of the folder, which the system releases when the
// process ends.
func lock(root string) (release func() error, err error) {
	dir, err := os.Open(root)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = errLocked
		}
		return nil, errors.Join(err, dir.Close())
	}
	return dir.Close, nil
}
