using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>
/// What the server, not the client, decides about an object's metadata and status. Pure; the objects given are changed in
/// place and belong to the caller.
/// </summary>
internal static class ObjectRules
{
    /// <summary>Makes what a client sent on create into what is stored.</summary>
    public static void OnCreate(KindInfo kind, JsonObject obj, string ns, string uid, Func<string> suffix, DateTimeOffset now)
    {
        CheckIdentity(kind, obj, ns);
        var metadata = obj.Child("metadata");
        if (metadata.Text("resourceVersion") is { Length: > 0 })
        {
            throw ApiError.BadRequest("resourceVersion should not be set on objects to be created");
        }

        if (obj.Name().Length == 0)
        {
            if (metadata.Text("generateName") is not { Length: > 0 } prefix)
            {
                throw ApiError.Invalid(kind, "", [("FieldValueRequired", "Required value: name or generateName is required", "metadata.name")]);
            }

            metadata["name"] = prefix + suffix();
        }

        foreach (var server in (string[])["resourceVersion", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"])
        {
            metadata.Remove(server);
        }

        metadata["uid"] = uid;
        metadata["creationTimestamp"] = now.ToKubeTime();
        if (Generations.Counts(kind))
        {
            metadata["generation"] = 1;
        }

        KindRules.OnCreate(kind, obj, now);
    }

    /// <summary>Makes what a client sent on update into what is stored, given what is stored now.</summary>
    public static void OnUpdate(KindInfo kind, JsonObject old, JsonObject obj, string? subresource)
    {
        if (kind.Namespaced && obj["metadata"]?["namespace"].Text() is { Length: > 0 } moved && moved != old.Namespace())
        {
            throw ApiError.BadRequest($"the namespace of the object ({moved}) does not match the namespace on the request ({old.Namespace()})");
        }

        CheckIdentity(kind, obj, old.Namespace());
        var metadata = obj.Child("metadata");
        if (obj.Name() != old.Name())
        {
            throw ApiError.BadRequest($"the name of the object ({obj.Name()}) does not match the name on the URL ({old.Name()})");
        }

        if (obj.Uid() is { Length: > 0 } uid && uid != old.Uid())
        {
            throw ApiError.Invalid(kind, old.Name(), [("FieldValueInvalid", $"Invalid value: \"{uid}\": field is immutable", "metadata.uid")]);
        }

        if (subresource is "status" or "finalize")
        {
            // The status of a built-in kind brings annotations along, as deployments get their revision; that of a custom kind does not.
            var along = kind.IsCustom ? null : metadata.Copy();
            TakeOnly(old, obj, subresource is "status" ? "status" : "spec");
            if (along is not null)
            {
                KindRules.OnStatus(kind, old, along);
                obj["metadata"] = along;
            }

            metadata = obj.Child("metadata");
        }
        else if (subresource is "ephemeralcontainers")
        {
            var wanted = obj["spec"]?["ephemeralContainers"]?.DeepClone();
            TakeOnly(old, obj, "");
            Put(obj.Child("spec"), "ephemeralContainers", wanted);
            metadata = obj.Child("metadata");
        }
        else if (subresource is null && kind.Subresource("status") is not null)
        {
            Put(obj, "status", old["status"]);
        }

        foreach (var server in (string[])["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "generateName"])
        {
            Put(metadata, server, old["metadata"]?[server]);
        }

        metadata.Remove("selfLink");
        metadata.Remove("resourceVersion");
        CheckFinalizers(kind, old, obj);
        KindRules.OnUpdate(kind, old, obj, subresource);
    }

    /// <summary>Counts a change that counts. Once the new object has its defaults: to leave out what they say is no change.</summary>
    public static void Count(KindInfo kind, JsonObject old, JsonObject obj, long leastGeneration)
    {
        KindRules.Count(kind, old, obj);
        if (Generations.Counts(kind) && Generations.Moved(kind, old, obj))
        {
            obj.Child("metadata")["generation"] = Generations.After(old, leastGeneration);
        }
    }

    /// <summary>Whether the object may not go yet.</summary>
    public static bool IsHeld(JsonObject obj) => obj.Items("metadata", "finalizers") is { Count: > 0 };

    /// <summary>The owners' uids, sorted.</summary>
    public static List<string> Owners(JsonObject obj) =>
        [.. (obj.Items("metadata", "ownerReferences") ?? []).Select(reference => reference.Text("uid")).OfType<string>().Where(uid => uid.Length > 0)
            .Distinct().Order(StringComparer.Ordinal)];

    /// <summary>Sets or removes.</summary>
    public static void Put(JsonObject obj, string name, JsonNode? value)
    {
        if (value is null)
        {
            obj.Remove(name);
        }
        else
        {
            obj[name] = value.DeepClone();
        }
    }

    private static void CheckIdentity(KindInfo kind, JsonObject obj, string ns)
    {
        if (obj.Text("apiVersion") is { Length: > 0 } version && version != kind.ApiVersion)
        {
            throw ApiError.BadRequest($"the API version in the data ({version}) does not match the expected API version ({kind.ApiVersion})");
        }

        if (obj.Text("kind") is { Length: > 0 } name && name != kind.Kind)
        {
            throw ApiError.BadRequest($"{name} in version \"{kind.Version}\" cannot be handled as a {kind.Kind}");
        }

        obj["apiVersion"] = kind.ApiVersion;
        obj["kind"] = kind.Kind;
        if (obj["metadata"] is not (null or JsonObject))
        {
            throw ApiError.BadRequest("metadata must be an object");
        }

        var metadata = obj.Child("metadata");
        foreach (var text in (string[])["name", "generateName", "namespace", "uid", "resourceVersion"])
        {
            if (metadata[text] is not null && metadata.Text(text) is null)
            {
                throw ApiError.BadRequest($"metadata.{text} must be a string");
            }
        }

        if (!kind.Namespaced)
        {
            if (obj.Namespace().Length > 0)
            {
                metadata.Remove("namespace");
            }

            return;
        }

        if (obj.Namespace() is { Length: > 0 } other && other != ns)
        {
            throw ApiError.BadRequest("the namespace of the provided object does not match the namespace sent on the request");
        }

        metadata["namespace"] = ns;
    }

    private static void TakeOnly(JsonObject old, JsonObject obj, string field)
    {
        var taken = obj[field]?.DeepClone();
        obj.Clear();
        foreach (var (name, value) in old)
        {
            if (name != field)
            {
                obj[name] = value?.DeepClone();
            }
        }

        Put(obj, field, taken);
    }

    private static void CheckFinalizers(KindInfo kind, JsonObject old, JsonObject obj)
    {
        if (!old.IsDeleting())
        {
            return;
        }

        var known = (old.Items("metadata", "finalizers") ?? []).Select(f => f.Text()).ToHashSet();
        var added = (obj.Items("metadata", "finalizers") ?? []).Select(f => f.Text()).Where(f => !known.Contains(f)).ToList();
        if (added.Count > 0)
        {
            throw ApiError.Invalid(kind, old.Name(), [(
                "FieldValueForbidden",
                $"Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{{\"{string.Join("\", \"", added)}\"}}",
                "metadata.finalizers")]);
        }
    }
}
