using System.IO.Pipelines;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Http;

/// <summary>Writes a collection whose items come piece by piece. One caller.</summary>
/// <param name="answer">The answer's writer.</param>
/// <param name="list">How the collection is written.</param>
internal sealed class ItemsWriter(PipeWriter answer, ListForm list)
{
    private readonly BlockWriter _blocks = new(answer);
    private bool _hasItems;

    /// <summary>Writes what comes before the first item.</summary>
    /// <param name="meta">The collection's metadata; becomes part of it.</param>
    public void Begin(JsonObject meta) => _blocks.Append(list.Head(meta));

    /// <summary>Sends the items of a piece that pass, as fast as the client reads.</summary>
    public async Task SendAsync(Piece<StoredObject> piece, ObjectFilter filter, CancellationToken cancellation)
    {
        foreach (var row in piece.Rows.Where(row => filter.Matches(row.Key, row.Json)))
        {
            if (_hasItems)
            {
                _blocks.Append(","u8);
            }

            _hasItems = true;
            _blocks.Append(list.Item(row.Json).Span);
            if (_blocks.IsFull)
            {
                await _blocks.FlushAsync(cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Sends the end, and all that is held.</summary>
    public ValueTask EndAsync(CancellationToken cancellation)
    {
        _blocks.Append(ListForm.Tail);
        return _blocks.FlushAsync(cancellation);
    }
}
