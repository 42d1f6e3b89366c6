using System.Reflection;
using System.Text.Json.Serialization;
using k8s.Models;
using KlosetOperator.Api.Schema;

namespace KlosetOperator.Api.Tests;

/// <summary>What every field of our own types must have, so that objects in etcd and the cost of rules stay bounded.</summary>
public sealed class SchemaRulesTests
{
    private static readonly IReadOnlyList<PropertyInfo> Fields =
    [
        .. new[] { typeof(KlosetRepository), typeof(PhotoBackup), typeof(PhotoRestore) }
            .SelectMany(kind => new[] { kind.GetProperty("Spec")!.PropertyType, kind.GetProperty("Status")!.PropertyType })
            .SelectMany(Below)
            .Distinct(),
    ];

    [Fact]
    public void Every_string_has_a_longest_length() =>
        Assert.All(
            Fields.Where(field => field.PropertyType == typeof(string)),
            field => Assert.True(field.GetCustomAttribute<LengthAttribute>() is { Max: > 0 }, Name(field)));

    [Fact]
    public void Every_list_and_map_has_a_most_number_of_entries() =>
        Assert.All(
            Fields.Where(field => field.PropertyType.IsGenericType && Nullable.GetUnderlyingType(field.PropertyType) is null),
            field => Assert.True(field.GetCustomAttribute<ItemsAttribute>() is { Max: > 0 }, Name(field)));

    [Fact]
    public void Every_list_of_strings_bounds_its_strings() =>
        Assert.All(
            Fields.Where(field => field.PropertyType == typeof(IReadOnlyList<string>)),
            field => Assert.True(field.GetCustomAttribute<ItemLengthAttribute>() is { Max: > 0 }, Name(field)));

    [Fact]
    public void Every_time_is_written_with_whole_seconds() =>
        Assert.All(
            Fields.Where(field => (Nullable.GetUnderlyingType(field.PropertyType) ?? field.PropertyType) == typeof(DateTimeOffset)),
            field => Assert.True(field.IsDefined(typeof(JsonConverterAttribute)), Name(field)));

    [Fact]
    public void Selectable_fields_stay_within_eight_a_kind() =>
        Assert.All(
            new[] { typeof(KlosetRepository), typeof(PhotoBackup), typeof(PhotoRestore) },
            kind => Assert.InRange(kind.GetCustomAttributes<SelectableFieldAttribute>().Count(), 1, 8));

    [Fact]
    public void Condition_types_and_reasons_are_spelled_as_conditions_allow() =>
        Assert.All(
            new[] { typeof(ConditionTypes), typeof(Reasons) }.SelectMany(type => type.GetFields().Where(field => field.IsLiteral)),
            field =>
            {
                Assert.Matches("^[A-Z][A-Za-z]{1,62}$", (string)field.GetRawConstantValue()!);
                Assert.Equal(field.Name, field.GetRawConstantValue());
            });

    private static string Name(PropertyInfo field) => $"{field.DeclaringType!.Name}.{field.Name}";

    private static IEnumerable<PropertyInfo> Below(Type type)
    {
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            yield return property;
            var inner = property.PropertyType.IsGenericType ? property.PropertyType.GetGenericArguments()[^1] : property.PropertyType;
            if (inner.IsClass && inner.Assembly == typeof(KlosetRepository).Assembly && inner != typeof(V1Condition))
            {
                foreach (var deeper in Below(inner))
                {
                    yield return deeper;
                }
            }
        }
    }
}
