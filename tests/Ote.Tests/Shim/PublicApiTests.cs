using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using Ote.Shim;

namespace Ote.Tests.Shim;

/// <summary>
/// Vendors build on the package Ote.Shim: what it offers is in src/Ote.Shim/PublicApi.txt, and changes only where that is seen. What is
/// generated from shim.proto is in docs/reference/wire/shim.txt.
/// </summary>
public sealed class PublicApiTests
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
    private static readonly NullabilityInfoContext s_nullability = new();

    [Fact]
    public void Public_api_of_Ote_Shim_is_the_reviewed_one() => ReviewedText.Check(
        "src/Ote.Shim/PublicApi.txt",
        typeof(IClusterShim).Assembly.GetExportedTypes().Where(type => type.Namespace != "Ote.Shim.Contract").OrderBy(type => type.FullName, StringComparer.Ordinal).SelectMany(Describe),
        nameof(PublicApiTests),
        "A vendor's shim that uses it no longer builds, or no longer loads: keep it, or raise the package's major version.");

    private static IEnumerable<string> Describe(Type type)
    {
        yield return $"{Kind(type)} {type.FullName}{Bases(type)}";
        IEnumerable<string> members = type.IsEnum
            ? Enum.GetNames(type).Select(name => string.Create(CultureInfo.InvariantCulture, $"{name} = {Convert.ToInt64(Enum.Parse(type, name), CultureInfo.InvariantCulture)}"))
            : type.GetMembers(Declared).Where(IsOffered).Select(Describe).Order(StringComparer.Ordinal);
        foreach (string member in members)
            yield return "    " + member;
    }

    private static string Kind(Type type) =>
        type.IsEnum ? "enum"
        : type.IsInterface ? "interface"
        : type.IsValueType ? "struct"
        : $"{(type.IsAbstract && type.IsSealed ? "static " : type.IsAbstract ? "abstract " : type.IsSealed ? "sealed " : "")}{(type.GetMethod("<Clone>$") is null ? "class" : "record")}";

    private static string Bases(Type type)
    {
        IEnumerable<Type> up = type.BaseType is { } one && one != typeof(object) && one != typeof(ValueType) ? [one] : [];
        IEnumerable<Type> faces = type.GetInterfaces().Where(face => !face.Name.StartsWith("IEquatable", StringComparison.Ordinal)).OrderBy(face => face.Name, StringComparer.Ordinal);
        string[] bases = [.. up.Concat(faces).Select(Name)];
        return type.IsEnum || bases.Length == 0 ? "" : $" : {string.Join(", ", bases)}";
    }

    /// <summary>What others can use: not what the compiler made for a record, nor the methods behind a property.</summary>
    private static bool IsOffered(MemberInfo member) => member switch
    {
        FieldInfo field => field.IsPublic || field.IsFamily,
        PropertyInfo property => property.GetAccessors(nonPublic: true).Any(IsVisible) && property.Name != "EqualityContract",
        EventInfo found => IsVisible(found.AddMethod!),
        MethodInfo { IsSpecialName: true } => false,
        MethodBase method => IsVisible(method) && !method.IsDefined(typeof(CompilerGeneratedAttribute)) && !method.Name.Contains('<', StringComparison.Ordinal) && !IsCopy(method),
        _ => false,
    };

    private static bool IsVisible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static bool IsCopy(MethodBase method) => method is ConstructorInfo { IsFamily: true } && method.GetParameters() is [var only] && only.ParameterType == method.DeclaringType;

    private static string Describe(MemberInfo member) => member switch
    {
        ConstructorInfo made => $"new({Parameters(made)})",
        FieldInfo { IsLiteral: true } constant => string.Create(CultureInfo.InvariantCulture, $"const {Name(constant.FieldType)} {constant.Name} = {constant.GetRawConstantValue()}"),
        FieldInfo field => $"{Static(field.IsStatic)}field {Name(field.FieldType)} {field.Name}",
        PropertyInfo property => $"{Static(property.GetAccessors(nonPublic: true)[0].IsStatic)}{(property.IsDefined(typeof(RequiredMemberAttribute)) ? "required " : "")}{Name(property.PropertyType)}{Nullable(s_nullability.Create(property).ReadState, property.PropertyType)} {property.Name} {{ {Accessors(property)} }}",
        EventInfo found => $"event {Name(found.EventHandlerType!)} {found.Name}",
        MethodInfo method => $"{Static(method.IsStatic)}{Name(method.ReturnType)}{Nullable(s_nullability.Create(method.ReturnParameter).ReadState, method.ReturnType)} {method.Name}({Parameters(method)})",
        _ => member.Name,
    };

    private static string Static(bool isStatic) => isStatic ? "static " : "";

    private static string Nullable(NullabilityState state, Type type) => state == NullabilityState.Nullable && !type.IsValueType ? "?" : "";

    private static string Accessors(PropertyInfo property)
    {
        string set = property.SetMethod is not { } setter || !IsVisible(setter) ? ""
            : setter.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) ? " init;" : " set;";
        return (property.GetMethod is null ? "" : "get;") + set;
    }

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(parameter =>
        $"{(parameter.IsOut ? "out " : "")}{Name(parameter.ParameterType)}{Nullable(s_nullability.Create(parameter).WriteState, parameter.ParameterType)} {parameter.Name}{Default(parameter)}"));

    private static string Default(ParameterInfo parameter) =>
        parameter.HasDefaultValue ? string.Create(CultureInfo.InvariantCulture, $" = {parameter.DefaultValue ?? "null"}") : "";

    private static string Name(Type type) =>
        type.IsByRef ? Name(type.GetElementType()!)
        : System.Nullable.GetUnderlyingType(type) is { } value ? Name(value) + "?"
        : type.IsArray ? Name(type.GetElementType()!) + "[]"
        : type.IsGenericType ? $"{type.Name[..type.Name.IndexOf('`', StringComparison.Ordinal)]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>"
        : type.Name;
}
