//go:build unix

package main

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/certuse/cloudflare-mtls/api/apitest"
)

func TestAnAuditWithFewFileDescriptors(t *testing.T) {
	t.Parallel()
	answers := map[string]apitest.Response{}
	var ids []string
	for i := range 200 {
		id := fmt.Sprintf("cert-%d", i)
		answers[id] = inUse.After(20 * time.Millisecond)
		ids = append(ids, id)
	}
	cmd := command(t, against(newFake(t, answers)), append([]string{"audit", "-o", "jsonl"}, ids...)...)
	cmd.Args = append([]string{"sh", "-c", `ulimit -n 32 && exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	execute(t, cmd).expect(t, exitOK, "200 in use, 0 unused, 0 unknown")
}

func TestTheHintNamesTheLimitOfOpenFiles(t *testing.T) {
	t.Parallel()
	if text := explain(fmt.Errorf("dial: %w", errors.Join(syscall.EMFILE))); !strings.Contains(text, "ulimit -n") {
		t.Errorf("the explanation is %q", text)
	}
}
