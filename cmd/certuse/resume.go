package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"github.com/certuse/cloudflare-mtls/api"
)

// defaultMaxAge is the maximum age of kept results for --require-unused.
const defaultMaxAge = time.Hour

func (q *query) addResumeFlags(cmd *cobra.Command) {
	q.maxAge = durationFlag{defaultMaxAge, "1h", false}
	cmd.Flags().BoolVar(&q.resume, "resume", false, "keep the results in --output-file, which is JSON Lines, and look up the rest")
	cmd.Flags().Var(&q.maxAge, "max-age", "with --resume: look up again what is older than this `DURATION`; the default applies only with --require-unused")
}

func (q *query) checkResume() error {
	switch {
	case q.resume && (q.file == "" || !q.streaming()):
		return usagef("--resume continues a file of JSON Lines: give -o jsonl and --output-file, and no --sort")
	case q.maxAge.set && !q.resume:
		return usagef("--max-age is for --resume: without it, no result is kept")
	default:
		return nil
	}
}

// keptResults are the results of an earlier run, by certificate.
type keptResults map[api.CertificateRef]record

// keyOf returns the form in which references are compared, because the API may change
// the case of an id.
func keyOf(ref api.CertificateRef) api.CertificateRef {
	return api.CertificateRef{AccountID: ref.AccountID, ID: strings.ToLower(ref.ID)}
}

// readKept reads the output file and returns the results that need no new lookup. It
// drops an incomplete last line, and all results about a certificate that has several.
// A file that does not fit the flags is a usage error.
func (q *query) readKept(targets []target) (keptResults, error) {
	if !q.resume {
		return nil, nil
	}
	file, err := os.Open(q.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, usagef("--resume: %s", strings.ReplaceAll(err.Error(), q.file, fileName(q.file)))
	}
	defer file.Close()                           //nolint:errcheck // only read
	requested := map[api.CertificateRef]target{} // without an id: all of the account
	for _, t := range targets {
		if len(t.certs) == 0 {
			requested[api.CertificateRef{AccountID: t.account}] = t
		}
		for _, ref := range t.certs {
			requested[keyOf(ref)] = t
		}
	}
	kept, seen, now := keptResults{}, map[api.CertificateRef]bool{}, time.Now()
	lines := bufio.NewReader(file)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		switch {
		case errors.Is(err, io.EOF) && (number > 1 || len(line) == 0 || line[0] == '{'):
			return kept, nil
		case err != nil && !errors.Is(err, io.EOF):
			return nil, failuref("cannot read %s: %w", fileName(q.file), err)
		}
		r, err := parseResult(line)
		if err == nil {
			err = q.compare(&r, requested, now)
		}
		if err != nil {
			return nil, usagef("--resume: %s: line %d %w; nothing was sent", fileName(q.file), number, err)
		}
		key := keyOf(r.Certificate.Ref)
		if seen[key] {
			delete(kept, key)
		} else if q.reusable(&r, now) {
			kept[key] = r
		}
		seen[key] = true
	}
}

// parseResult parses a line of JSON Lines. The record has the usage in the line.
func parseResult(line []byte) (record, error) {
	r := record{lookedUp: true, line: line}
	var printed struct {
		Usage api.Usage `json:"usage"`
		State string    `json:"state"`
	}
	err := errors.Join(json.Unmarshal(line, &r.InventoryItem), json.Unmarshal(line, &printed))
	r.usage = printed.Usage
	switch {
	case err != nil, checkRef(r.Certificate.Ref) != nil:
		return r, errors.New("is not from 'certuse audit -o jsonl'")
	case printed.State != "":
		return r, errors.New("is about a deletion")
	default:
		return r, nil
	}
}

// compare refuses a result that the flags of this command do not select.
func (q *query) compare(r *record, requested map[api.CertificateRef]target, now time.Time) error {
	ref := r.Certificate.Ref
	t, found := requested[keyOf(ref)]
	if !found {
		t, found = requested[api.CertificateRef{AccountID: ref.AccountID}]
	}
	if !found {
		return fmt.Errorf("is about %s/%s, which this command does not look up", ref.AccountID, ref.ID)
	}
	if !q.filter.selected(r, now) || !q.filter.shown(r) {
		return fmt.Errorf("is about %s, which the flags do not select", ref.ID)
	}
	return compareSources(r, t.sources)
}

// compareSources refuses a result from other sources than those of the command, and
// one whose usage contradicts its sources. Unknown results are not kept anyway.
func compareSources(r *record, sources []api.Source) error {
	if r.usage == api.UsageUnknown {
		return nil
	}
	complete, failed, named := 0, false, []api.Source(nil)
	for _, result := range r.Evidence.Sources {
		named = append(named, result.Source)
		switch result.State {
		case api.SourceComplete:
			complete++
		case api.SourceLeftOut, api.SourceNotApplicable:
		default: // also a state of another version
			failed = true
		}
		// A source may be skipped in part once a use is known; its scope says so.
		leftOut := result.State == api.SourceLeftOut && result.Scope == ""
		if wanted := len(sources) == 0 || slices.Contains(sources, result.Source); wanted == leftOut {
			return fmt.Errorf("is from other --sources than this command: %s", result.Source)
		}
	}
	failed = failed || !slices.Equal(named, api.AllSources())
	used := len(r.Evidence.Uses) > 0
	if used != (r.usage == api.InUse) || !used && (failed || complete == 0) {
		return fmt.Errorf("contradicts itself: %s does not follow from its uses and sources", r.usage)
	}
	return nil
}

// reusable reports whether the certificate needs no new lookup.
func (q *query) reusable(r *record, now time.Time) bool {
	age := now.Sub(r.Evidence.StartedAt)
	switch {
	case r.usage == api.UsageUnknown, r.Evidence.StartedAt.IsZero(), age < 0:
		return false
	case (q.requireUnused || q.maxAge.set) && age > q.maxAge.Duration:
		return false
	}
	for _, result := range r.Evidence.Sources {
		partial := result.State == api.SourceLeftOut && result.Scope != ""
		assumed := result.Source == api.SourceHostnames && strings.HasPrefix(result.Scope, "no zones")
		if partial && q.allUses || assumed && !q.noZones {
			return false
		}
	}
	return true
}

// assignKept moves the kept results to their targets, which then have only the other
// certificates to look up.
func (q *query) assignKept(ctx context.Context, targets []target, kept keptResults) {
	accounts := map[string]bool{}
	for key := range kept {
		accounts[key.AccountID] = true
	}
	for i := range targets {
		if t := &targets[i]; accounts[t.account] {
			q.assignKeptToTarget(ctx, t, kept)
		}
	}
	if len(kept) > 0 && !q.quiet {
		fmt.Fprintf(q.sys.stderr, "certuse: %s dropped: the account no longer has the certificate\n", plural(len(kept), "kept result"))
	}
}

// assignKeptToTarget moves the results of a target to it. It first lists the
// certificates of the account, and drops results about those that are gone, were
// uploaded since, or have an id that the list has twice.
func (q *query) assignKeptToTarget(ctx context.Context, t *target, kept keptResults) {
	selected, unchanged := slices.Clone(t.certs), map[api.CertificateRef]bool{}
	for cert, err := range t.client.Certificates(ctx, t.account) {
		if err != nil {
			t.err = err
			break
		}
		key := keyOf(cert.Ref)
		// A certificate that was deleted and uploaded again has the same id.
		if unchanged[key] || cert.UploadedOn.After(kept[key].Evidence.StartedAt) {
			delete(kept, key)
		} else {
			unchanged[key] = true
		}
		r := record{InventoryItem: api.InventoryItem{Certificate: cert}}
		if len(t.certs) == 0 && q.filter.selected(&r, time.Now()) {
			selected = append(selected, cert.Ref)
		}
	}
	move := func(key api.CertificateRef) bool {
		r, ok := kept[key]
		if ok {
			t.kept = append(t.kept, r)
			delete(kept, key)
		}
		return ok
	}
	t.certs = slices.DeleteFunc(selected, func(ref api.CertificateRef) bool { return unchanged[keyOf(ref)] && move(keyOf(ref)) })
	if t.err != nil { // the list is not complete
		t.certs = nil
		for key := range kept {
			if key.AccountID == t.account {
				move(key)
			}
		}
	}
}
