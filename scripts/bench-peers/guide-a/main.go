// Guide-a is the baseline of scripts/bench: a loader that works the way the
// published Go tutorial for bulk contact updates works, written anew. Its habits
// are kept because they are what is measured: the whole file is parsed before the
// first request, chunks of 50 rows wait in one queue, a worker sends the rows of
// its chunk one after the other, HTTP goes through Go's default transport, and a
// reply's body is closed without being read.
//
// Usage: guide-a FILE.csv BASE_URL WORKERS
package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	rowsPerChunk     = 50
	retriesOn429     = 5
	firstBackoff     = 2 * time.Second
	refreshAhead     = 60 * time.Second
	requestTimeout   = 30 * time.Second
	wholeRunDeadline = 30 * time.Minute
)

// row is one contact; the key stands in the path and so not in the body.
type row struct {
	key       string
	FirstName string `json:"firstName,omitempty"`
	LastName  string `json:"lastName,omitempty"`
	Email     string `json:"email,omitempty"`
}

// tally is what one chunk came to.
type tally struct {
	updated  int
	failures []string
}

// tokenHolder fetches a bearer token and hands it out until shortly before its end.
type tokenHolder struct {
	baseURL string
	guard   sync.Mutex
	bearer  string
	renewAt time.Time
}

func (holder *tokenHolder) current(run context.Context) (string, error) {
	holder.guard.Lock()
	defer holder.guard.Unlock()
	if holder.bearer != "" && time.Now().Before(holder.renewAt) {
		return holder.bearer, nil
	}

	request, err := http.NewRequestWithContext(run, http.MethodPost, holder.baseURL+"/oauth/token", nil)
	if err != nil {
		return "", err
	}
	request.SetBasicAuth("bench", "bench")
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	tokenClient := http.Client{Timeout: 10 * time.Second}
	reply, err := tokenClient.Do(request)
	if err != nil {
		return "", err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return "", fmt.Errorf("token endpoint answered %d", reply.StatusCode)
	}

	var grant struct {
		Bearer          string `json:"access_token"`
		LifetimeSeconds int    `json:"expires_in"`
	}
	if err := json.NewDecoder(reply.Body).Decode(&grant); err != nil {
		return "", err
	}
	holder.bearer = grant.Bearer
	lifetime := time.Duration(grant.LifetimeSeconds) * time.Second
	holder.renewAt = time.Now().Add(lifetime - refreshAhead)
	return holder.bearer, nil
}

// readRows takes the whole file into memory; rows too short for a key vanish.
func readRows(path string) ([]row, error) {
	input, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer input.Close()
	lines, err := csv.NewReader(input).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(lines) < 2 {
		return nil, fmt.Errorf("%s has no rows", path)
	}

	column := map[string]int{}
	for index, name := range lines[0] {
		column[name] = index
	}
	field := func(line []string, name string) (string, bool) {
		index, known := column[name]
		if !known || index >= len(line) {
			return "", false
		}
		return line[index], true
	}

	var rows []row
	for _, line := range lines[1:] {
		key, present := field(line, "contactId")
		if !present {
			continue
		}
		contact := row{key: key}
		contact.FirstName, _ = field(line, "firstName")
		contact.LastName, _ = field(line, "lastName")
		contact.Email, _ = field(line, "email")
		rows = append(rows, contact)
	}
	return rows, nil
}

// waitAfter429 obeys a whole number of seconds, else doubles with some jitter.
func waitAfter429(hint string, attempt int) time.Duration {
	if seconds, err := strconv.Atoi(hint); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	jitter := time.Duration(rand.Int63n(int64(firstBackoff)))
	return firstBackoff<<uint(attempt) + jitter
}

func sendRow(run context.Context, client *http.Client, url, bearer string, body []byte) error {
	for attempt := 0; ; attempt++ {
		request, err := http.NewRequestWithContext(run, http.MethodPatch, url, bytes.NewBuffer(body))
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+bearer)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Accept", "application/json")
		reply, err := client.Do(request)
		if err != nil {
			return err
		}
		// Closed but never read: the tutorial's habit, and part of its price.
		defer reply.Body.Close()

		switch reply.StatusCode {
		case http.StatusOK, http.StatusNoContent:
			return nil
		case http.StatusTooManyRequests:
			if attempt == retriesOn429 {
				return fmt.Errorf("still throttled after %d retries", retriesOn429)
			}
			time.Sleep(waitAfter429(reply.Header.Get("Retry-After"), attempt))
		default:
			return fmt.Errorf("answered %d", reply.StatusCode)
		}
	}
}

func sendChunk(run context.Context, chunk []row, tokens *tokenHolder) tally {
	var outcome tally
	// A client a chunk, all over the one default transport, as the tutorial has it.
	client := &http.Client{Timeout: requestTimeout}
	for _, contact := range chunk {
		bearer, err := tokens.current(run)
		if err == nil {
			var body []byte
			if body, err = json.Marshal(contact); err == nil {
				url := fmt.Sprintf("%s/api/v2/contacts/%s", tokens.baseURL, contact.key)
				err = sendRow(run, client, url, bearer, body)
			}
		}
		if err != nil {
			outcome.failures = append(outcome.failures, fmt.Sprintf("%s: %v", contact.key, err))
			continue
		}
		outcome.updated++
	}
	return outcome
}

func load(path, baseURL string, workers int) error {
	rows, err := readRows(path)
	if err != nil {
		return err
	}
	run, cancel := context.WithTimeout(context.Background(), wholeRunDeadline)
	defer cancel()

	chunkCount := (len(rows) + rowsPerChunk - 1) / rowsPerChunk
	queue := make(chan []row, chunkCount)
	outcomes := make(chan tally, chunkCount)
	for len(rows) > 0 {
		size := rowsPerChunk
		if size > len(rows) {
			size = len(rows)
		}
		queue <- rows[:size]
		rows = rows[size:]
	}
	close(queue)

	tokens := &tokenHolder{baseURL: baseURL}
	var running sync.WaitGroup
	running.Add(workers)
	for worker := 0; worker < workers; worker++ {
		go func() {
			defer running.Done()
			for chunk := range queue {
				outcomes <- sendChunk(run, chunk, tokens)
			}
		}()
	}
	go func() {
		running.Wait()
		close(outcomes)
	}()

	updated := 0
	var failures []string
	for outcome := range outcomes {
		updated += outcome.updated
		failures = append(failures, outcome.failures...)
	}
	fmt.Printf("updated %d, failed %d\n", updated, len(failures))
	if len(failures) > 0 {
		return fmt.Errorf("%d rows failed, the first: %s", len(failures), failures[0])
	}
	return nil
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: guide-a FILE.csv BASE_URL WORKERS")
		os.Exit(2)
	}
	workers, err := strconv.Atoi(os.Args[3])
	if err != nil || workers < 1 {
		fmt.Fprintln(os.Stderr, "guide-a: WORKERS must be a whole number above 0")
		os.Exit(2)
	}
	if err := load(os.Args[1], strings.TrimSuffix(os.Args[2], "/"), workers); err != nil {
		fmt.Fprintln(os.Stderr, "guide-a:", err)
		os.Exit(1)
	}
}
