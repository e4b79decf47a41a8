using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Flow;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Watching;

namespace Ote.Mirror.Reporting;

/// <summary>Keeps one stream equal to what the cluster holds of its kind. What changes is gathered for a moment, so that the disk is not asked for each object.</summary>
/// <param name="resource">The kind, in the version that the cluster serves.</param>
/// <param name="form">How its objects are reported.</param>
/// <param name="stream">Where they are kept.</param>
/// <param name="tally">Who counts them; null: nobody.</param>
/// <param name="most">Of more than this the newest alone are reported; 0: all are.</param>
/// <param name="time">The clock.</param>
internal sealed class KindReporter(ResourceRef resource, LightForm form, ReportStream stream, ClusterTally.KindTally? tally, int most, TimeProvider time) : IReflectorTarget
{
    /// <summary>For so long changes are gathered.</summary>
    public static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(100);

    private const int MostGathered = 500;
    private readonly Lock _gate = new();
    private readonly Signal _waiting = new();
    private List<ReportedObject> _gathered = [];
    private NewestObjects? _newest;

    /// <summary>Runs until stopped.</summary>
    public async Task RunAsync(KubeClient client, Func<double> random, ILogger log, CancellationToken stop)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var writing = WriteAsync(ending.Token);
        var watching = new Reflector(client, resource, null, null, this, time, random, log).RunAsync(ending.Token);
        try
        {
            await (await Task.WhenAny(watching, writing).ConfigureAwait(false)).ConfigureAwait(false); // a fault of either ends both
        }
        finally
        {
            await ending.CancelAsync().ConfigureAwait(false);
            await watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Page by page: the whole list is never here.</summary>
    public async Task<string> ReplaceAsync(IAsyncEnumerable<KubeList> pages)
    {
        ArgumentNullException.ThrowIfNull(pages);
        Write();
        var seen = new HashSet<(string, string)>();
        _newest = most > 0 ? new NewestObjects(most) : null;
        var version = "";
        await foreach (var page in pages.ConfigureAwait(false))
        {
            var changes = new List<ReportedObject>(page.Items.Count);
            foreach (var item in page.Items)
            {
                seen.Add((item.Namespace(), item.Name()));
                Add(changes, item, seen);
            }

            stream.Apply(changes);
            version = page.ResourceVersion;
        }

        stream.Listed(resource, seen);
        tally?.Keep(seen);
        return version;
    }

    public void Replace(IReadOnlyList<JsonObject> items) => throw new NotSupportedException("lists are taken page by page");

    public void Upsert(JsonObject obj)
    {
        var changes = new List<ReportedObject>(2);
        Add(changes, obj, null);
        changes.ForEach(Gather);
    }

    public void Remove(JsonObject obj)
    {
        tally?.Remove(obj.Namespace(), obj.Name());
        _newest?.Remove((obj.Namespace(), obj.Name()));
        Gather(new ReportedObject(obj.Namespace(), obj.Name(), default));
    }

    /// <summary>What becomes of the reports as an object is there, as it is now: its light form, and where that makes too many, that the oldest is gone.</summary>
    private void Add(List<ReportedObject> changes, JsonObject obj, HashSet<(string, string)>? seen)
    {
        tally?.Put(obj); // first: the light form may leave out what is counted
        var tooMany = _newest?.Put(obj);
        if (tooMany != (obj.Namespace(), obj.Name()))
        {
            changes.Add(new ReportedObject(obj.Namespace(), obj.Name(), form.Write(obj)));
        }

        if (tooMany is var (ns, name))
        {
            seen?.Remove((ns, name));
            changes.Add(new ReportedObject(ns, name, default));
        }
    }

    private void Gather(ReportedObject change)
    {
        bool full;
        lock (_gate)
        {
            _gathered.Add(change);
            full = _gathered.Count >= MostGathered;
        }

        if (full)
        {
            Write();
        }
        else
        {
            _waiting.Set();
        }
    }

    private void Write()
    {
        lock (_gate) // also while it is written: what comes later is written later
        {
            if (_gathered.Count > 0)
            {
                stream.Apply(_gathered);
                _gathered = [];
            }
        }
    }

    private async Task WriteAsync(CancellationToken stop)
    {
        while (true)
        {
            await _waiting.WaitAsync(stop).ConfigureAwait(false);
            await Task.Delay(Gathering, time, stop).ConfigureAwait(false);
            Write();
        }
    }
}
