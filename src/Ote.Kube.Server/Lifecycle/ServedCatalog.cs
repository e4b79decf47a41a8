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
/// so it cannot drift from it; and those that clusters report, of which the server has none of its own. Thread-safe.
/// </summary>
internal sealed class ServedCatalog : IDisposable
{
    /// <summary>Where definitions lie in the store.</summary>
    public const string CrdResource = "apiextensions.k8s.io/customresourcedefinitions";

    private readonly IObjectStore _store;
    private readonly IObjectSource? _mirror;
    private readonly ILogger _log;
    private readonly SemaphoreSlim _refreshing = new(1);
    private readonly Lock _gate = new();
    private Dictionary<string, long> _compiled = new(StringComparer.Ordinal);
    private SchemaCatalog _own = SchemaCatalog.BuiltIn;
    private SchemaCatalog _current = SchemaCatalog.BuiltIn;
    private HashSet<string> _mirrored = [];

    /// <summary>Serves the built-in kinds, and what the mirror has, until <see cref="RefreshAsync"/>.</summary>
    /// <param name="store">Where definitions are.</param>
    /// <param name="log">Where it logs.</param>
    /// <param name="mirror">What clusters report; null: nothing.</param>
    public ServedCatalog(IObjectStore store, ILogger log, IObjectSource? mirror = null)
    {
        (_store, _log, _mirror) = (store, log, mirror);
        if (mirror is not null)
        {
            mirror.KindsChanged += OnMirrored;
            OnMirrored();
        }
    }

    /// <summary>A snapshot; take it once per request.</summary>
    public SchemaCatalog Current => Volatile.Read(ref _current);

    /// <summary>The same without what clusters report: of these kinds the server keeps the objects.</summary>
    public SchemaCatalog Own => Volatile.Read(ref _own);

    /// <summary>Whether a stored definition has a kind (<c>group/plural</c>): whatever clusters report of it, it is the server's own.</summary>
    public bool Defines(string resource) => Own.CustomKinds.Any(kind => ResourceOf(kind) == resource);

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
            var stored = await StoreScan.AllAsync(_store, CrdResource, null, cancellation).ConfigureAwait(false);
            var names = stored.Select(o => o.Key.Name).ToHashSet(StringComparer.Ordinal);
            var catalog = Own;
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

            _compiled = compiled;
            lock (_gate)
            {
                Publish(catalog);
            }
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
        lock (_gate)
        {
            var name = $"{kind.Plural}.{kind.Group}";
            var versions = Own.Definition(name)?.Spec.ObjectsAt("versions").Select(version => version.TextAt("name")!).Append(kind.Version).Distinct() ?? [kind.Version];
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
            Volatile.Write(ref _own, Own.WithCrd(definition));
            Volatile.Write(ref _current, Own.WithMirrored(_mirror?.Kinds ?? []));
        }
    }

    public void Dispose()
    {
        if (_mirror is not null)
        {
            _mirror.KindsChanged -= OnMirrored;
        }

        _refreshing.Dispose();
    }

    /// <summary>Takes in what clusters report now. A kind that is another's from now on, or again the server's own, is watched where it is.</summary>
    private void OnMirrored()
    {
        lock (_gate)
        {
            var kinds = _mirror!.Kinds.Select(k => k.Resource).ToHashSet(StringComparer.Ordinal);
            string[] turned = [.. kinds.Except(_mirrored), .. _mirrored.Except(kinds)];
            _mirrored = kinds;
            Publish(Own);
            foreach (var resource in turned)
            {
                Close(resource);
            }
        }
    }

    private void Publish(SchemaCatalog own)
    {
        var former = Current;
        Volatile.Write(ref _own, own);
        Volatile.Write(ref _current, _mirror is null ? own : own.WithMirrored(_mirror.Kinds));
        EndWatches(former, Current);
    }

    private void Close(string resource)
    {
        _store.Changes.Close(resource);
        _mirror?.Changes.Close(resource);
    }

    /// <summary>A watch goes on by the schema with which it began, so it ends with that and with its kind, as at the real server; its client begins another one.</summary>
    private void EndWatches(SchemaCatalog former, SchemaCatalog now)
    {
        foreach (var resource in former.CustomKinds
            .Where(kind => !IsSame(former.Definition(kind.CrdName!)!, now.Definition(kind.CrdName!))).Select(ResourceOf).Distinct())
        {
            Close(resource);
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
            _log.DefinitionNotServed(definition.Key.Name, bad);
            return catalog.WithoutCrd(definition.Key.Name);
        }
    }
}
