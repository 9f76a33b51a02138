package publicapi

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const moduleRoot = "../.."

var update = flag.Bool("update", false, "write testdata/current from the source")

func lines(t *testing.T, file string) []string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.FieldsFunc(string(data), func(r rune) bool { return r == '\n' })
}

func textFile(folder, pkg string) string {
	return filepath.Join("testdata", folder, strings.ReplaceAll(pkg, "/", "_")+".txt")
}

// The text under testdata/current changes only together with the API, so that a
// change shows in review. 'make api-text' writes it. The parallel tests, which read it,
// begin when this one has ended.
func TestExportedAPIIsTheCommittedText(t *testing.T) {
	for _, pkg := range Packages {
		got, err := Surface(os.DirFS(moduleRoot), pkg)
		if err != nil {
			t.Fatal(err)
		}
		file := textFile("current", pkg)
		if *update {
			if err := os.WriteFile(file, []byte(strings.Join(got, "\n")+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(lines(t, file), got); diff != "" {
			t.Errorf("%s: the exported API changed (-committed +source); if that is meant, run 'make api-text' and describe it in the CHANGELOG:\n%s", pkg, diff)
		}
	}
}

// Every name that was added, changed or removed since the last release is in the
// CHANGELOG's Unreleased section.
func TestChangesSinceTheLastReleaseAreInTheChangelog(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join(moduleRoot, "CHANGELOG.md"))
	if err != nil {
		t.Fatal(err)
	}
	unreleased := section(string(data), "## [Unreleased]")
	for _, pkg := range Packages {
		for _, name := range unrecorded(lines(t, textFile("released", pkg)), lines(t, textFile("current", pkg)), unreleased) {
			t.Errorf("%s: %s changed since the last release and is not named in the CHANGELOG under Unreleased", pkg, name)
		}
	}
}

// A new revision of the contract changes package generated. As long as no exported
// declaration names a type of that package, no revision changes the exported API.
func TestExportedAPINamesNoGeneratedType(t *testing.T) {
	t.Parallel()
	for _, pkg := range Packages {
		for _, line := range lines(t, textFile("current", pkg)) {
			if strings.Contains(line, "generated.") {
				t.Errorf("%s: %s", pkg, line)
			}
		}
	}
}

func TestAnUnrecordedChangeIsFound(t *testing.T) {
	t.Parallel()
	released := []string{"func Gone()", "func Kept()", "type T struct { A int }", "var ErrX = errors.New(\"x\")"}
	current := []string{"func (t T) Method() error", "func Kept()", "func Recorded()", "type T struct { A int; B int }", "var ErrX = errors.New(\"x\")"}
	got := unrecorded(released, current, "- `Recorded` is new")
	if diff := cmp.Diff([]string{"Gone", "Method", "T"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestSurfaceHasExportedDeclarationsOnly(t *testing.T) {
	t.Parallel()
	source := `package p
// A is documented.
const (
	A = 1 // here
	b = 2
)
var E, F error
type T struct {
	X int // documented
	y int
}
func (T) M(a int) error { return nil }
func (T) m() {}
func F1[K comparable](k K) {}
type u int
func New() *T { return nil }
`
	got, err := Surface(fstest.MapFS{"p/p.go": {Data: []byte(source)}, "p/p_test.go": {Data: []byte("package p\nfunc TestX() {}")}}, "p")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"const A = 1", "func (T) M(a int) error", "func F1[K comparable](k K)", "func New() *T",
		"type T struct { X int }", "var E, F error",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// section returns the text from a heading of rank 2 to the next one.
func section(text, heading string) string {
	_, rest, _ := strings.Cut(text, heading)
	body, _, _ := strings.Cut(rest, "\n## ")
	return body
}

var declared = regexp.MustCompile(`^(?:func (?:\([^)]*\) )?|type |const |var )(\w+)`)

// unrecorded returns the names that text lacks and whose declarations differ.
func unrecorded(released, current []string, text string) []string {
	var names []string
	for _, pair := range [][2][]string{{released, current}, {current, released}} {
		for _, line := range pair[0] {
			if slices.Contains(pair[1], line) {
				continue
			}
			name := declared.FindStringSubmatch(line)[1]
			if !regexp.MustCompile(`\b` + name + `\b`).MatchString(text) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
