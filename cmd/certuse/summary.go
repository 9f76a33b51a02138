package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/certuse/cloudflare-mtls/api"
)

// summary counts the certificates of a report. Its JSON form is documented in
// `certuse help formats`.
type summary struct {
	Total int `json:"total"`
	*usageCounts
	*deletionCounts
	Expiring    int  `json:"expiring"`
	Duplicates  int  `json:"duplicates"`
	Incomplete  bool `json:"incomplete"`
	Interrupted bool `json:"interrupted"`

	cas, leaves, managed int
	kept                 int       // results of an earlier run
	oldestKept           time.Time // when the oldest kept lookup began
	unusedManaged        int       // unused, and of another type than custom
	expiringInUse        int       // in use, and expired or expiring soon
	expiringUnknown      int       // of unknown usage, and expired or expiring soon
	zones                []int     // for each unused CA, how many zones' hostnames were read

	accounts []string
	failed   map[string]bool // accounts whose certificates were not all read
	unlisted int             // failed accounts without any listed certificate
	up       map[accountSource]bool
	problems map[string]*problem // by the text of the reason
	// withoutPermission counts the certificates that are unknown because a permission
	// is missing.
	withoutPermission int
}

// usageCounts is absent for certificates that were only listed.
type usageCounts struct {
	InUse              int          `json:"in_use"`
	Unused             int          `json:"unused"`
	Unknown            int          `json:"unknown"`
	Sources            []api.Source `json:"sources"`
	LeftOut            []api.Source `json:"left_out"`
	MissingPermissions []string     `json:"missing_permissions"`
}

type accountSource struct {
	account string
	source  api.Source
}

// problem is a reason why sources failed, with the number of certificates that are
// unknown for that reason.
type problem struct {
	certificates int
	sources      []api.Source
	// example is the text of one of the errors; varied means that others differ, for
	// example in the Ray ID.
	example string
	varied  bool
}

// newSummary returns an empty summary. read lists the sources that the command reads
// for all accounts.
func newSummary(kind kindOfReport, read []api.Source) *summary {
	s := &summary{failed: map[string]bool{}, up: map[accountSource]bool{}, problems: map[string]*problem{}}
	if kind == reportList {
		return s
	}
	if kind == reportDelete {
		s.deletionCounts = &deletionCounts{}
	}
	leftOut := slices.DeleteFunc(api.AllSources(), func(source api.Source) bool { return slices.Contains(read, source) })
	s.usageCounts = &usageCounts{Sources: read, LeftOut: leftOut, MissingPermissions: []string{}}
	return s
}

// add counts a record. expiring means that --expires-within has selected it.
func (s *summary) add(r *record, expiring bool, now time.Time) {
	s.Total++
	s.Expiring += boolValue(expiring)
	if ca := r.Certificate.CA; ca != nil {
		s.cas += boolValue(*ca)
		s.leaves += boolValue(!*ca)
	}
	if r.deletion != nil {
		s.addDeletion(r)
	}
	if started := r.Evidence.StartedAt; r.line != nil {
		if s.kept++; s.kept == 1 || started.Before(s.oldestKept) {
			s.oldestKept = started
		}
	}
	s.managed += boolValue(strings.HasSuffix(r.Certificate.Type, "_managed"))
	if s.usageCounts == nil {
		return
	}
	expiringSoon := boolValue(!r.Certificate.ExpiresOn.IsZero() && r.expiresWithin(expiryWarning, now))
	switch r.usage {
	case api.InUse:
		s.InUse++
		s.expiringInUse += expiringSoon
	case api.Unused:
		s.Unused++
		s.unusedManaged += boolValue(r.Certificate.Type != "custom")
	default:
		s.Unknown++
		s.expiringUnknown += expiringSoon
	}
	refused, reasons := false, map[string]bool{}
	for i := range r.Evidence.Sources {
		result := &r.Evidence.Sources[i]
		s.addSource(r, result, reasons)
		refused = refused || result.Permission != ""
	}
	if refused && r.usage == api.UsageUnknown {
		s.withoutPermission++
	}
	for text := range reasons {
		s.problems[text].certificates++
	}
}

// addSource counts the result of a source. If a failure other than a missing permission
// leaves the certificate unknown, addSource adds the text of the reason to reasons.
func (s *summary) addSource(r *record, result *api.SourceResult, reasons map[string]bool) {
	key := accountSource{r.Certificate.Ref.AccountID, result.Source}
	switch result.State {
	case api.SourceComplete:
		if _, known := s.up[key]; !known {
			s.up[key] = true
		}
		if result.Source == api.SourceHostnames && r.usage == api.Unused {
			s.zones = append(s.zones, r.zones())
		}
	case api.SourceFailed:
		s.up[key] = false
		if result.Permission != "" && !slices.Contains(s.MissingPermissions, result.Permission) {
			s.MissingPermissions = append(s.MissingPermissions, result.Permission)
			slices.Sort(s.MissingPermissions)
		}
		if r.usage != api.UsageUnknown || result.Err == nil || result.Permission != "" && errors.Is(result.Err, api.ErrForbidden) {
			return
		}
		text, _ := reasonOf(result.Err)
		reasons[text] = true
		entry := s.problems[text]
		if entry == nil {
			entry = &problem{example: explain(result.Err)}
			s.problems[text] = entry
		}
		entry.varied = entry.varied || entry.example != explain(result.Err)
		entry.example = min(entry.example, explain(result.Err)) // the same example in each run
		if !slices.Contains(entry.sources, result.Source) {
			entry.sources = append(entry.sources, result.Source)
		}
	}
}

// writeProblems prints why certificates are unknown, one reason a line.
func (s *summary) writeProblems(w io.Writer) {
	if s.usageCounts == nil {
		return
	}
	if len(s.MissingPermissions) > 0 {
		unknown := ""
		if s.withoutPermission > 0 {
			unknown = count(s.withoutPermission) + " unknown for "
		}
		fmt.Fprintf(w, "certuse: %smissing permissions: %s\n", unknown, joined(texts(s.MissingPermissions, strconv.Quote)))
	}
	for _, text := range slices.SortedFunc(maps.Keys(s.problems), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.problems[b].certificates, s.problems[a].certificates), cmp.Compare(a, b))
	}) {
		entry := s.problems[text]
		what, example := "no source could be read", entry.example
		if len(entry.sources) < len(api.AllSources()) {
			slices.Sort(entry.sources)
			what = joined(entry.sources)
		}
		if entry.varied {
			example = text + ", such as: " + example
		}
		fmt.Fprintf(w, "certuse: usage of %s is unknown: %s: %s\n", plural(entry.certificates, "certificate"), what, printable(example))
	}
}

// writeCounts prints the counts of certificates, and the effect of --expires-within.
func (s *summary) writeCounts(w io.Writer, colors palette, q *query) {
	fmt.Fprint(w, colors.bold(plural(s.Total, "certificate")))
	if s.cas > 0 && s.leaves > 0 {
		fmt.Fprintf(w, " (%s CA, %s leaf; %s managed)", count(s.cas), count(s.leaves), count(s.managed))
	}
	if s.usageCounts != nil {
		fmt.Fprintf(w, ": %s, %s, %s", colors.usage(api.InUse, count(s.InUse)+" in use"),
			colors.usage(api.Unused, count(s.Unused)+" unused"), colors.usage(api.UsageUnknown, count(s.Unknown)+" unknown"))
	}
	fmt.Fprintln(w)
	if q.filter.expiresWithin.set {
		fmt.Fprintf(w, "Only those that have expired, expire within %s, or have an unknown expiry.\n", q.filter.expiresWithin.text)
	}
}

// noList reports whether every account failed before a certificate was listed.
func (s *summary) noList() bool { return s.Incomplete && s.unlisted == len(s.accounts) }

// write prints the summary for people.
func (s *summary) write(w io.Writer, colors palette, q *query) {
	if s.noList() { // a count of 0 would mean that the accounts have no certificates
		fmt.Fprintln(w, colors.bold("No list of certificates was read."))
	} else {
		s.writeCounts(w, colors, q)
	}
	switch {
	case s.deletionCounts == nil:
	case s.noList():
		fmt.Fprintln(w, "Nothing was deleted.")
	default:
		s.deletionCounts.write(w, q.deletion.yes)
	}
	if s.kept > 0 {
		fmt.Fprintf(w, "%s kept from an earlier run, up to %s old.\n", plural(s.kept, "result"), formatDuration(time.Since(s.oldestKept)))
	}
	if s.usageCounts != nil && s.Unused > 0 {
		text := "Unused according to " + joined(texts(s.Sources, s.sourceRead)) + ", as far as they apply"
		if len(s.Sources) == 0 {
			text = "Unused according to the sources of each profile"
		}
		if len(s.LeftOut) > 0 {
			text += "; left out: " + joined(s.LeftOut)
		}
		fmt.Fprintln(w, wrap(text+"."))
	}
	if s.unusedManaged > 0 && s.deletionCounts == nil { // the record of a deletion has the reasons
		fmt.Fprintln(w, wrap("Unused, but managed by the vendor or of unknown type: "+plural(s.unusedManaged, "certificate")+`, which "certuse delete" keeps.`))
	}
	if s.expiringInUse > 0 {
		fmt.Fprintf(w, "In use, and expired or expiring within %d days: %s.\n", expiryWarning/day, plural(s.expiringInUse, "certificate"))
	}
	if s.expiringUnknown > 0 {
		fmt.Fprintf(w, "Unknown, and expired or expiring within %d days: %s.\n", expiryWarning/day, plural(s.expiringUnknown, "certificate"))
	}
	if s.usageCounts != nil && s.Unknown > 0 {
		fmt.Fprintln(w, "Unknown is not unused.")
	}
	if s.Duplicates > 0 {
		fmt.Fprintf(w, "%s left out: each certificate is looked up once.\n", plural(s.Duplicates, "repeated id"))
	}
	if s.Incomplete && !s.noList() {
		fmt.Fprintln(w, "Not all certificates were read.")
	}
}

// sourceRead names a source, and the number of zones whose hostnames were read.
func (s *summary) sourceRead(source api.Source) string {
	if source != api.SourceHostnames || len(s.zones) == 0 || slices.Max(s.zones) == 0 {
		return string(source)
	}
	fewest, most := slices.Min(s.zones), slices.Max(s.zones)
	if fewest < most { // of several accounts
		return fmt.Sprintf("%s of %s to %s", source, count(fewest), plural(most, "zone"))
	}
	return fmt.Sprintf("%s of %s", source, plural(most, "zone"))
}

// result returns the exit code as an error, nil for 0. Ctrl-C has precedence over "in
// use", because the results are incomplete. So has --timeout, except in wait.
func (s *summary) result(q *query) error {
	if s.deletionCounts != nil {
		if err := s.deletionCounts.result(); err != nil {
			return err
		}
	}
	interrupted := s.Interrupted && (q.wait || s.Incomplete || s.usageCounts != nil && s.Unknown > 0)
	inUse := s.usageCounts != nil && q.requireUnused && s.InUse > 0
	unknown := s.Incomplete || s.usageCounts != nil && s.Unknown > 0
	switch {
	case s.Incomplete && !interrupted && s.usageCounts == nil:
		return &exitError{code: exitFailure}
	case inUse && !interrupted:
		return &exitError{exitInUse, errors.New("not unused: " + plural(s.InUse, "certificate") + " in use")}
	case q.requireUnused && s.kept > 0 && time.Since(s.oldestKept) > q.maxAge.Duration:
		return &exitError{exitUnknown, errors.New("kept results are older than --max-age " + q.maxAge.text + " by now: run the command again")}
	case interrupted, unknown:
		return &exitError{code: exitUnknown}
	case q.requireUnused && s.Total == 0:
		return &exitError{exitUnknown, errors.New("no certificate was looked up: nothing shows that one is unused; check the account, the list and the filters")}
	case q.filter.expiresWithin.set && s.Expiring > 0:
		return &exitError{code: exitExpiring}
	default:
		return nil
	}
}

// deletionCounts is the part of the summary about deletions.
type deletionCounts struct {
	Planned        int `json:"planned"`
	Deleted        int `json:"deleted"`
	Kept           int `json:"kept"`
	NotFound       int `json:"not_found"`
	OutcomeUnknown int `json:"outcome_unknown"`

	inUse, refusals, interrupted int // of Kept
	refusal                      string
}

func (s *summary) addDeletion(r *record) {
	err := r.deletion.err
	switch r.deletion.State {
	case deletionPlanned:
		s.Planned++
	case api.DeletionDone:
		s.Deleted++
	case api.DeletionUnknown:
		s.OutcomeUnknown++
	case deletionNotFound:
		s.NotFound++
	default:
		s.Kept++
		switch {
		case r.deletion.notSelected:
		case errors.Is(err, api.ErrInUse), errors.Is(err, api.ErrManaged):
			s.inUse++
		case errors.Is(err, errInterrupted), errors.Is(err, errTimeout):
			s.interrupted, s.Interrupted = s.interrupted+1, true
		case r.usage != api.UsageUnknown: // refused by the API or --max, or failed
			s.refusals++
			s.refusal = cmp.Or(s.refusal, r.reason())
		}
	}
}

// write prints the counts for people.
func (d *deletionCounts) write(w io.Writer, yes bool) {
	if !yes {
		fmt.Fprintf(w, "%s would be deleted, %s kept, %s not found. Nothing was deleted: --yes deletes.\n", count(d.Planned), count(d.Kept), count(d.NotFound))
		return
	}
	fmt.Fprintf(w, "%s deleted, %s kept, %s not found, %s of unknown outcome.\n", count(d.Deleted), count(d.Kept), count(d.NotFound), count(d.OutcomeUnknown))
}

// result returns the exit code as an error, or nil if deletions do not decide it.
func (d *deletionCounts) result() error {
	switch {
	case d.refusals > 0:
		return &exitError{exitFailure, fmt.Errorf("not deleted: %s: %s", plural(d.refusals, "certificate"), d.refusal)}
	case d.interrupted > 0:
		return &exitError{code: exitUnknown}
	case d.inUse > 0:
		return &exitError{exitInUse, errors.New("not unused: " + plural(d.inUse, "certificate") + " in use or managed by the vendor")}
	case d.OutcomeUnknown > 0:
		return &exitError{code: exitUnknown}
	default:
		return nil
	}
}
