using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>Lets pass what the schema allows: unknown fields are reported and dropped, defaults filled in, the rest validated.</summary>
internal static class SchemaGate
{
    private const int MaxReported = 32;

    /// <summary>Applies the kind's schema to an object in place; old is what it replaces, null on create.</summary>
    /// <exception cref="ApiError">400 for unknown fields under strict validation or an object that is no such kind, 422 for a field that is wrong.</exception>
    public static void Pass(SchemaCatalog catalog, WriteContext context, JsonObject obj, JsonObject? old)
    {
        var kind = context.Kind;
        var unknown = catalog.Prune(kind, obj);
        if (unknown.Count > 0)
        {
            switch (context.Validation)
            {
                case FieldValidation.Strict:
                    throw Undecodable(kind, "strict decoding error: " + string.Join(", ", unknown.Take(MaxReported).Select(InvalidStatus.UnknownField)));
                case FieldValidation.Warn:
                    foreach (var path in unknown.Take(MaxReported))
                    {
                        context.Warn(InvalidStatus.UnknownField(path));
                    }

                    break;
            }
        }

        var (judged, judgedOld, judgedKind) = (obj, old, kind);
        if (kind.StoredForm is { } form)
        {
            if (catalog.Undecodable(kind, obj) is { } fault)
            {
                throw Undecodable(kind, fault);
            }

            // Defaults and rules are those of the stored form, as the real server's are those of one form within.
            judgedKind = catalog.Find(form.Group, form.Version, kind.Plural)!;
            (judged, judgedOld) = (form.ToStored(obj), old is null ? null : form.ToStored(old));
        }

        catalog.Default(judgedKind, judged);
        Judge(catalog, context, judgedKind, judged, judgedOld);
        if (kind.StoredForm is not null)
        {
            Replace(obj, kind.StoredForm.FromStored(judged));
        }
    }

    /// <summary>Validates once more an object that passed and was changed since. Of kinds that are stored as they are served.</summary>
    /// <exception cref="ApiError">422 for a field that is wrong.</exception>
    public static void Check(SchemaCatalog catalog, WriteContext context, JsonObject obj, JsonObject? old) => Judge(catalog, context, context.Kind, obj, old);

    private static void Judge(SchemaCatalog catalog, WriteContext context, KindInfo judgedKind, JsonObject obj, JsonObject? old)
    {
        var errors = catalog.Validate(judgedKind, obj);
        if (context.Subresource is null or "ephemeralcontainers" && !errors.Any(e => e.Type == FieldErrorType.Undecodable))
        {
            var more = old is null ? catalog.ValidateCreate(judgedKind, obj) : catalog.ValidateUpdate(judgedKind, old, obj, context.Subresource);
            errors = [.. errors, .. more.Except(errors)];
        }

        if (errors.Count == 0)
        {
            return;
        }

        var kind = context.Kind;
        throw errors.FirstOrDefault(e => e.Type == FieldErrorType.Undecodable) is { } wrong
            ? Undecodable(kind, wrong.Detail)
            : ApiError.Invalid(kind, obj.Name(), [.. errors.Take(MaxReported).Select(e => (e.CauseReason, e.Message, e.Path.Length == 0 ? "<nil>" : e.Path))]);
    }

    private static void Replace(JsonObject obj, JsonObject by)
    {
        obj.Clear();
        foreach (var (name, value) in by.ToList())
        {
            by.Remove(name);
            obj[name] = value;
        }
    }

    private static ApiError Undecodable(KindInfo kind, string detail) =>
        detail.Contains("cannot be handled as", StringComparison.Ordinal)
            ? ApiError.BadRequest(detail)
            : ApiError.BadRequest($"{kind.Kind} in version \"{kind.Version}\" cannot be handled as a {kind.Kind}: {detail}");
}
