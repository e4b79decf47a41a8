using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;

namespace Ote.SystemTests.Clients;

/// <summary>
/// Lists and watches as client-go's Reflector does, written from the protocol (kubernetes.io/docs/reference/using-api/api-concepts) and sharing nothing with the product's own: pages of one list, a watch from its version,
/// bookmarks, and a new list after 410. It believes nothing: each event is held against what is known, and what does not fit is a fault. One loop at a time.
/// </summary>
/// <param name="http">A client without a time limit.</param>
/// <param name="path">Of the collection.</param>
/// <param name="selector">Of labels.</param>
internal sealed class ProtocolReflector(HttpClient http, string path, string selector)
{
    private const int PageSize = 10;
    private const int WatchSeconds = 6; // a watch brings a bookmark two seconds before it ends, with the real server
    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _current = new(StringComparer.Ordinal);
    private readonly HashSet<long> _seen = [];
    private readonly List<string> _faults = [];
    private string? _version;

    /// <summary>Called once, between two pages of the next list; null: not.</summary>
    public Func<string, Task>? BetweenPages { get; set; }

    /// <summary>Lists that came to their end.</summary>
    public int Lists { get; private set; }

    /// <summary>Lists that were told 410 between two pages.</summary>
    public int ExpiredLists { get; private set; }

    /// <summary>Watches that were told 410.</summary>
    public int ExpiredWatches { get; private set; }

    public int Bookmarks { get; private set; }

    /// <summary>How far it has come.</summary>
    public long Version => Locked(() => Number(_version ?? "0"));

    /// <summary>What did not fit.</summary>
    public IReadOnlyList<string> Faults => Locked<IReadOnlyList<string>>(() => [.. _faults]);

    /// <summary>What it takes to be there: names with versions.</summary>
    public IReadOnlyList<string> Current => Locked<IReadOnlyList<string>>(() => [.. _current.Select(o => string.Create(CultureInfo.InvariantCulture, $"{o.Key} {o.Value}")).Order(StringComparer.Ordinal)]);

    /// <summary>Whether an event or a list brought a version.</summary>
    public bool Saw(long version) => Locked(() => _seen.Contains(version));

    /// <summary>Goes on from another version than it had: as one that was away for that long.</summary>
    public void ComeFrom(string version) => _version = version;

    /// <summary>Goes on until told that it is enough.</summary>
    public async Task RunAsync(CancellationToken enough)
    {
        try
        {
            while (!enough.IsCancellationRequested)
            {
                if (_version is null)
                    await ListAsync(enough);
                else
                    await WatchAsync(enough);
            }
        }
        catch (OperationCanceledException) when (enough.IsCancellationRequested)
        {
            // Enough.
        }
    }

    private async Task ListAsync(CancellationToken ct)
    {
        Dictionary<string, long> found = new(StringComparer.Ordinal);
        string next = "", version = "";
        do
        {
            using HttpResponseMessage answer = await http.GetAsync(new Uri($"{path}?labelSelector={selector}&limit={PageSize}{(next.Length > 0 ? "&continue=" + Uri.EscapeDataString(next) : "")}", UriKind.Relative), ct);
            if (answer.StatusCode == HttpStatusCode.Gone && next.Length > 0)
            {
                ExpiredLists++;
                return; // from the beginning
            }

            JsonNode page = JsonNode.Parse(await answer.EnsureSuccessStatusCode().Content.ReadAsStringAsync(ct))!;
            string at = (string)page["metadata"]!["resourceVersion"]!;
            if (version.Length > 0 && at != version)
                Fault($"pages of one list are of versions {version} and {at}");
            version = at;
            foreach (JsonNode? item in page["items"]!.AsArray())
            {
                if (!found.TryAdd(Name(item!), VersionOf(item!)))
                    Fault($"{Name(item!)} is on two pages");
            }

            next = (string?)page["metadata"]!["continue"] ?? "";
            if (next.Length > 0 && BetweenPages is { } between)
            {
                BetweenPages = null;
                await between(version);
            }
        }
        while (next.Length > 0);

        lock (_gate)
        {
            foreach ((string name, long old) in _current)
            {
                if (found.TryGetValue(name, out long now) && now < old)
                    _faults.Add($"{name} was at {old}, and a newer list has {now}");
            }

            _current.Clear();
            foreach ((string name, long now) in found)
            {
                _current[name] = now;
                _seen.Add(now);
            }

            _version = version;
            Lists++;
        }
    }

    private async Task WatchAsync(CancellationToken ct)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, $"{path}?watch=true&allowWatchBookmarks=true&labelSelector={selector}&timeoutSeconds={WatchSeconds}&resourceVersion={_version}");
        using HttpResponseMessage answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        if (answer.StatusCode == HttpStatusCode.Gone)
        {
            Expired();
            return;
        }

        using StreamReader lines = new(await answer.EnsureSuccessStatusCode().Content.ReadAsStreamAsync(ct));
        while (await lines.ReadLineAsync(ct) is { } line)
        {
            JsonNode change = JsonNode.Parse(line)!;
            string type = (string)change["type"]!;
            JsonNode obj = change["object"]!;
            if (type == "ERROR")
            {
                if ((int?)obj["code"] != 410)
                    Fault($"the watch ended with {obj.ToJsonString()}");
                Expired();
                return;
            }

            lock (_gate)
                Take(type, obj);
        }
    }

    private void Take(string type, JsonNode obj)
    {
        long version = VersionOf(obj);
        // A watch cache starts before the version asked for when it was asked in between: a bookmark may repeat it, an event never.
        if (version < Number(_version!) || (type != "BOOKMARK" && version == Number(_version!)))
            _faults.Add($"{type} at {version} came after {_version}");
        _version = version.ToString(CultureInfo.InvariantCulture);
        if (type == "BOOKMARK")
        {
            Bookmarks++;
            return;
        }

        string name = Name(obj);
        if (!_seen.Add(version))
            _faults.Add($"{type} of {name} at {version} came twice");
        bool known = _current.ContainsKey(name);
        if (type == "ADDED" == known)
            _faults.Add($"{type} of {name} at {version}, which was {(known ? "there" : "not there")}");
        if (type == "DELETED")
            _current.Remove(name);
        else
            _current[name] = version;
    }

    private void Expired()
    {
        lock (_gate)
        {
            _version = null;
            ExpiredWatches++;
        }
    }

    private void Fault(string what)
    {
        lock (_gate)
            _faults.Add(what);
    }

    private T Locked<T>(Func<T> read)
    {
        lock (_gate)
            return read();
    }

    private static string Name(JsonNode obj) => (string)obj["metadata"]!["name"]!;

    private static long VersionOf(JsonNode obj) => Number((string)obj["metadata"]!["resourceVersion"]!);

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
