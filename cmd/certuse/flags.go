package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// vendorQuota is the vendor's limit of requests in a rateLimitWindow, for all tools
// of a user together.
const vendorQuota = 1200

// durationFlag is a duration that may be written in days (30d) and weeks (2w).
type durationFlag struct {
	time.Duration
	text string
	set  bool
}

var _ pflag.Value = new(durationFlag)

func (d *durationFlag) String() string { return d.text }

// Type returns the name of the value in help texts.
func (d *durationFlag) Type() string { return "duration" }

// maxDays is the number of whole days that a [time.Duration] can hold.
const maxDays = math.MaxInt64 / day

// Set parses a Go duration, or a number of days or weeks. Messages print the value,
// then the error.
func (d *durationFlag) Set(text string) error {
	length, err := time.ParseDuration(text)
	if n := len(text); err != nil && n > 0 { // no Go duration, or too long for one
		units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': day, 'w': 7 * day}
		unit := units[text[n-1]]
		number, wrong := strconv.ParseFloat(text[:n-1], 64)
		switch days := number * unit.Hours() / 24; {
		case unit == 0 || math.IsNaN(number) || errors.Is(wrong, strconv.ErrSyntax):
		case days > float64(maxDays):
			return fmt.Errorf("is out of range: at most %dd", maxDays)
		default:
			length, err = time.Duration(number*float64(unit)), nil
		}
	}
	switch {
	case err != nil:
		return errors.New("is not a duration, such as 30d, 2w, 12h or 90s")
	case length <= 0:
		return errors.New("is not above zero")
	}
	*d = durationFlag{length, text, true}
	return nil
}

// flagError describes a wrong flag in terms of the command line. The flag library
// would quote Go's parsing functions.
func flagError(cmd *cobra.Command, err error) error {
	if strings.Contains(err.Error(), pemBegin) { // it may be a private key
		return errors.New("an argument is a PEM text: give the name of a file, or - for standard input")
	}
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	switch {
	case !ok:
	case !cmd.HasParent():
		return misplaced(cmd, unknown)
	case unknown.GetSpecifiedShortnames() == "":
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		return fmt.Errorf("%w%s", err, didYouMean("--"+unknown.GetSpecifiedName(), names))
	}
	wrong, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return err
	}
	problem := "is not true or false"
	switch wrong.GetFlag().Value.Type() {
	case "duration":
		problem = errors.Unwrap(wrong).Error()
	case "int":
		_, noNumber := strconv.ParseFloat(wrong.GetValue(), 64)
		switch {
		case errors.Is(err, strconv.ErrRange):
			problem = "is out of range"
		case noNumber == nil:
			problem = "is not a whole number"
		default:
			problem = "is not a number"
		}
	case "stringSlice":
		problem = "is not a list"
	}
	return fmt.Errorf("--%s: %q %s", wrong.GetFlag().Name, wrong.GetValue(), problem)
}

// misplaced describes a flag that the root command does not have: it belongs to an
// unknown command, or is before its command.
func misplaced(root *cobra.Command, unknown *pflag.NotExistError) error {
	if words := root.Flags().Args(); len(words) > 0 {
		return root.Args(root, words)
	}
	name, written := unknown.GetSpecifiedName(), "--"+unknown.GetSpecifiedName()
	if unknown.GetSpecifiedShortnames() != "" {
		written = "-" + name
	}
	owner := ""
	for _, sub := range root.Commands() {
		flag := sub.Flags().Lookup(name)
		if unknown.GetSpecifiedShortnames() != "" {
			flag = sub.Flags().ShorthandLookup(name)
		}
		if flag != nil && (owner == "" || sub.Name() == "audit") {
			owner = sub.Name()
		}
	}
	if owner == "" {
		return unknown
	}
	return fmt.Errorf("%s belongs after the command: certuse %s %s", written, owner, written)
}

// didYouMean returns the end of a message about a mistyped word, or "". It suggests
// only the nearest known words that share a letter with the word. It suggests none that
// ends with the word: "unused" is the opposite of "used".
func didYouMean(word string, known []string) string {
	// Cobra compares words for commands only.
	root := &cobra.Command{}
	for _, name := range known {
		if !strings.HasSuffix(name, word) {
			root.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
		}
	}
	for root.SuggestionsMinimumDistance = 1; root.SuggestionsMinimumDistance <= min(2, len(word)-1); root.SuggestionsMinimumDistance++ {
		if found := root.SuggestionsFor(word); len(found) > 0 {
			slices.Sort(found)
			return " (did you mean " + strings.Join(found, " or ") + "?)"
		}
	}
	return ""
}

// knownTypes are the types of certificates that the vendor documents.
var knownTypes = []string{"custom", "gateway_managed", "access_managed"}

// warnOfTypes warns of types that the vendor does not document.
func (q *query) warnOfTypes() {
	for _, name := range q.filter.types {
		if !q.quiet && !slices.Contains(knownTypes, name) {
			fmt.Fprintf(q.sys.stderr, "certuse: warning: --type: %q is none of the known types %s%s\n", withoutCredential(name), joined(knownTypes), didYouMean(name, knownTypes))
		}
	}
}

// warnOfQuota warns of a rate limit that exceeds the vendor's quota.
func (q *query) warnOfQuota() {
	if q.quiet || q.demo || q.rateLimit > 0 && q.rateLimit <= vendorQuota {
		return
	}
	what := fmt.Sprintf("%d is more than the vendor allows", q.rateLimit)
	if q.rateLimit == 0 {
		what = "0 is no limit, and the vendor has one"
	}
	fmt.Fprintf(q.sys.stderr, "certuse: warning: --rate-limit %s: %s requests in five minutes for all tools together\n", what, count(vendorQuota))
}
