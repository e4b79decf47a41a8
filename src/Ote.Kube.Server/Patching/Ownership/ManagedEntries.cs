using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Kube.Server.Patching.Ownership;

/// <summary>The whole of an object's <c>metadata.managedFields</c>, sorted as the real server sorts it. Immutable.</summary>
internal sealed class ManagedEntries
{
    /// <summary>How many updaters one object remembers apart, as in the real server; the oldest are joined beyond.</summary>
    public const int MaxUpdaters = 10;

    private const string Joined = "ancient-changes";

    private ManagedEntries(IReadOnlyList<ManagedEntry> all) => All = all;

    public static ManagedEntries None { get; } = new([]);

    public IReadOnlyList<ManagedEntry> All { get; }

    public bool IsNone => All.Count == 0;

    /// <summary>Takes the entries that own something; the oldest updaters beyond the limit own together.</summary>
    public static ManagedEntries Of(IEnumerable<ManagedEntry> entries)
    {
        List<ManagedEntry> all = [.. entries.Where(e => !e.Fields.IsEmpty)];
        all.Sort(ManagedEntry.Compare);
        Cap(all);
        return all.Count == 0 ? None : new ManagedEntries(all);
    }

    /// <summary>
    /// Reads what is stored. Entries without fields, which earlier versions of this server wrote, say nothing of who owns what and are left out.
    /// </summary>
    public static ManagedEntries OfStored(JsonNode? stored)
    {
        if (stored is not JsonArray { Count: > 0 } list)
            return None;
        List<ManagedEntry> all = new(list.Count);
        foreach (JsonNode? node in list)
        {
            if (node is JsonObject entry && entry["fieldsV1"] is JsonObject { Count: > 0 } fields && entry.Text("manager") is { } manager && entry.Text("apiVersion") is { } version)
                all.Add(new ManagedEntry(manager, entry.Text("operation") == ManagedEntry.Apply, version, Subresource(entry), entry.Text("time"), FieldSet.OfStored(fields)));
        }
        return all.Count == 0 ? None : new ManagedEntries(all);
    }

    /// <summary>Reads what a client sent; null when it is nothing, or nothing that could be: such entries are passed over in silence.</summary>
    public static ManagedEntries? OfSent(JsonNode? sent)
    {
        if (sent is not JsonArray { Count: > 0 } list)
            return null;
        List<ManagedEntry> all = new(list.Count);
        try
        {
            foreach (JsonNode? node in list)
            {
                ManagedEntry entry = Sent(node);
                // Of two with one name the later holds.
                all.RemoveAll(entry.IsOf);
                all.Add(entry);
            }
        }
        catch (FormatException)
        {
            return null;
        }
        all.Sort(ManagedEntry.Compare);
        return new ManagedEntries(all);
    }

    /// <summary>Whether a client asks to forget who owns what: by a single entry that says nothing.</summary>
    public static bool IsReset(JsonNode? sent) => sent is JsonArray { Count: 1 } list && list[0] is JsonObject only
        && only.All(p => p.Value is null or JsonObject { Count: 0 } || p.Value.Text() is { Length: 0 });

    /// <summary>Whether both say the same but for the times.</summary>
    public bool Says(ManagedEntries other) => All.Count == other.All.Count && All.All(mine =>
        other.All.FirstOrDefault(mine.IsOf) is { } theirs && mine.ApiVersion == theirs.ApiVersion && mine.Fields.SetEquals(theirs.Fields));

    public void WriteTo(Utf8JsonWriter writer)
    {
        writer.WriteStartArray();
        foreach (ManagedEntry entry in All)
            entry.WriteTo(writer);
        writer.WriteEndArray();
    }

    private static ManagedEntry Sent(JsonNode? node)
    {
        JsonObject entry = node as JsonObject ?? throw new FormatException("an entry of managedFields must be an object");
        bool applies = entry.Text("operation") switch
        {
            ManagedEntry.Apply => true,
            ManagedEntry.Update => false,
            _ => throw new FormatException("operation must be `Apply` or `Update`"),
        };
        if (entry.Text("apiVersion") is not { Length: > 0 } version)
            throw new FormatException("apiVersion must not be empty");
        if (entry.Text("fieldsType") != "FieldsV1")
            throw new FormatException("fieldsType must be FieldsV1");
        return new ManagedEntry(entry.Text("manager") ?? "", applies, version, Subresource(entry), entry.Time("time")?.ToKubeTime(), FieldsV1.Parse(entry["fieldsV1"]));
    }

    private static string? Subresource(JsonObject entry) => entry.Text("subresource") is { Length: > 0 } subresource ? subresource : null;

    /// <summary>Joins the oldest updaters of one version into one entry, until there are no more than there may be.</summary>
    private static void Cap(List<ManagedEntry> all)
    {
        List<ManagedEntry> oldest = [.. all.Where(e => !e.Applies)];
        int over = oldest.Count - MaxUpdaters;
        if (over <= 0)
            return;
        Dictionary<string, ManagedEntry> first = new(StringComparer.Ordinal);
        foreach (ManagedEntry entry in oldest)
        {
            if (over == 0)
                break;
            if (!first.TryGetValue(entry.ApiVersion, out ManagedEntry? before))
            {
                first[entry.ApiVersion] = entry;
                continue;
            }
            ManagedEntry joined = new(Joined, false, entry.ApiVersion, null, entry.Time, entry.Fields);
            ManagedEntry with = all.Find(joined.IsOf) ?? before;
            all.Remove(ReferenceEquals(with, entry) ? before : with);
            all.Remove(entry);
            all.Add(joined with { Fields = entry.Fields.Union(ReferenceEquals(with, entry) ? before.Fields : with.Fields) });
            over--;
        }
        all.Sort(ManagedEntry.Compare);
    }
}
