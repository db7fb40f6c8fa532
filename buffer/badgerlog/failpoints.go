package badgerlog

import "hydrant/buffer/failpoint"

// The arrows of a group's life, of a generation's and of a start.
var (
	groupPacked    = failpoint.New("buffer: group packed")
	groupStored    = failpoint.New("buffer: group stored")
	groupSynced    = failpoint.New("buffer: group synced")
	groupPublished = failpoint.New("buffer: group published")
	blocksMoved    = failpoint.New("buffer: blocks written anew")

	generationOpened  = failpoint.New("buffer: generation opened")
	generationMade    = failpoint.New("buffer: generation made")
	generationLeft    = failpoint.New("buffer: generation left")
	generationClosed  = failpoint.New("buffer: generation closed")
	generationMarked  = failpoint.New("buffer: generation marked")
	generationCarried = failpoint.New("buffer: generation's state written anew")
	generationRenamed = failpoint.New("buffer: generation renamed")
	generationGone    = failpoint.New("buffer: generation gone")

	logLoaded   = failpoint.New("buffer: log loaded")
	epochRaised = failpoint.New("buffer: epoch raised")
)
