using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Kube.Objects;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Schema.Crds;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>
/// The kinds served now: the built-in ones and those of the stored CustomResourceDefinitions. Always computed from the store,
/// so it cannot drift from it. Thread-safe.
/// </summary>
internal sealed class ServedCatalog(IObjectStore store, ILogger log) : IDisposable
{
    /// <summary>Where definitions lie in the store.</summary>
    public const string CrdResource = "apiextensions.k8s.io/customresourcedefinitions";

    private readonly SemaphoreSlim _refreshing = new(1);
    private Dictionary<string, long> _compiled = new(StringComparer.Ordinal);
    private SchemaCatalog _current = SchemaCatalog.BuiltIn;

    /// <summary>A snapshot; take it once per request.</summary>
    public SchemaCatalog Current => Volatile.Read(ref _current);

    /// <summary>Where the objects of a kind lie in the store: all its versions in one place, and all groups that show the same objects.</summary>
    public static string ResourceOf(KindInfo kind) => $"{kind.StoredForm?.Group ?? kind.Shows?.Group ?? kind.Group}/{kind.Plural}";

    /// <summary>Any served version of a kind by its place in the store.</summary>
    public KindInfo? ByResource(string resource)
    {
        var slash = resource.IndexOf('/', StringComparison.Ordinal);
        var (group, plural) = (resource[..slash], resource[(slash + 1)..]);
        return Current.All.Where(k => k.Plural == plural && k.Group == group).OrderBy(k => k.StoredForm is not null).ThenByDescending(k => k.IsStorage).FirstOrDefault();
    }

    /// <summary>Takes in definitions that were stored, changed or removed. Completes when requests see them.</summary>
    public async Task RefreshAsync(CancellationToken cancellation)
    {
        await _refreshing.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            var stored = await StoreScan.AllAsync(store, CrdResource, null, cancellation).ConfigureAwait(false);
            var names = stored.Select(o => o.Key.Name).ToHashSet(StringComparer.Ordinal);
            var catalog = _current;
            var compiled = new Dictionary<string, long>(_compiled, StringComparer.Ordinal);
            foreach (var gone in _compiled.Keys.Where(name => !names.Contains(name)))
            {
                catalog = catalog.WithoutCrd(gone);
                compiled.Remove(gone);
            }

            foreach (var definition in stored)
            {
                if (_compiled.GetValueOrDefault(definition.Key.Name) == definition.Revision)
                {
                    continue;
                }

                catalog = Compile(catalog, definition);
                compiled[definition.Key.Name] = definition.Revision;
            }

            var former = _current;
            _compiled = compiled;
            Volatile.Write(ref _current, catalog);
            EndWatches(former, catalog);
        }
        finally
        {
            _refreshing.Release();
        }
    }

    /// <summary>
    /// A number for the stored definitions, as they are at which revisions, together with what they were installed from. Another number means that
    /// one of them was changed or removed, or that there is something else to install.
    /// </summary>
    public long Mark(string fingerprint)
    {
        var compiled = Volatile.Read(ref _compiled);
        var text = string.Join('\n', compiled.OrderBy(c => c.Key, StringComparer.Ordinal).Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.Key} {c.Value}")));
        return BinaryPrimitives.ReadInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(fingerprint + "\n" + text)));
    }

    /// <summary>Serves a kind that no stored definition tells of, in one version more if it is served already: its objects are taken as they are, without a schema.</summary>
    public void Serve(ResourceRef kind)
    {
        while (true)
        {
            var former = Current;
            var name = $"{kind.Plural}.{kind.Group}";
            var versions = former.Definition(name)?.Spec.ObjectsAt("versions").Select(version => version.TextAt("name")!).Append(kind.Version).Distinct() ?? [kind.Version];
            var definition = new JsonObject
            {
                ["metadata"] = new JsonObject { ["name"] = name },
                ["spec"] = new JsonObject
                {
                    ["group"] = kind.Group,
                    ["names"] = new JsonObject { ["plural"] = kind.Plural, ["kind"] = kind.Kind },
                    ["scope"] = kind.Namespaced ? "Namespaced" : "Cluster",
                    ["versions"] = new JsonArray([.. versions.Select((version, i) => new JsonObject { ["name"] = version, ["served"] = true, ["storage"] = i == 0 })]),
                },
            };
            if (ReferenceEquals(Interlocked.CompareExchange(ref _current, former.WithCrd(definition), former), former))
            {
                return;
            }
        }
    }

    public void Dispose() => _refreshing.Dispose();

    /// <summary>A watch goes on by the schema with which it began, so it ends with that and with its kind, as at the real server; its client begins another one.</summary>
    private void EndWatches(SchemaCatalog former, SchemaCatalog now)
    {
        foreach (var resource in former.CustomKinds
            .Where(kind => !IsSame(former.Definition(kind.CrdName!)!, now.Definition(kind.CrdName!))).Select(ResourceOf).Distinct())
        {
            store.Changes.Close(resource);
        }
    }

    private static bool IsSame(CompiledCrd one, CompiledCrd? other) => ReferenceEquals(one, other) || (other is not null && JsonNode.DeepEquals(one.Spec, other.Spec));

    private SchemaCatalog Compile(SchemaCatalog catalog, StoredObject definition)
    {
        try
        {
            return catalog.WithCrd(ObjectJson.Stored(definition.Json));
        }
        catch (ArgumentException bad)
        {
            // Validation let it pass, so this is ours to know of; the other kinds stay served.
            log.DefinitionNotServed(definition.Key.Name, bad);
            return catalog.WithoutCrd(definition.Key.Name);
        }
    }
}
