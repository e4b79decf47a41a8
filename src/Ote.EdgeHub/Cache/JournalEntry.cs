using System.Text.Json.Nodes;
using Ote.Kube.Server.Store;

namespace Ote.EdgeHub.Cache;

/// <summary>What became of one object while the node was cut off.</summary>
/// <param name="Id">Grows with each entry.</param>
/// <param name="Key">The object.</param>
/// <param name="Began">When it was first written.</param>
/// <param name="Base">As the API server knew it last; null: it did not.</param>
/// <param name="Local">As it is here; null: it is gone.</param>
/// <param name="Sent">As it was here when the API server was last told of it, which may or may not have heard; null: it was not told.</param>
internal sealed record JournalEntry(long Id, StoreKey Key, DateTimeOffset Began, JsonObject? Base, JsonObject? Local, JsonObject? Sent = null);
